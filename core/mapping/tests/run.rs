//! Mappings at work, from the YAML to the bytes: what each construct of the language writes, leaves out and refuses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "run/groups.rs"]
mod groups;
#[path = "run/named.rs"]
mod named;

use portolan_diagnostics::Sources;
use portolan_mapping::{
    compile::CompiledRoute,
    load::{Standing, load},
    run::{Context, Environment, ReplyOutcome, RunError, Scratch, Trace, Traced, TracedStep},
};
use portolan_schema::Memory;
use prost::Message;

const PROTO: &str = r#"
syntax = "proto3";
package t;
import "google/type/money.proto";
service S { rpc Ask(In) returns (Out); }
message In {
  string owner = 1;
  repeated string tags = 2;
  repeated Item items = 3;
  optional string x = 4;
  optional string y = 5;
  string kind = 6;
  google.type.Money price = 7;
}
message Item { string name = 1; repeated string marks = 2; }
message Out {
  string answer = 1;
  oneof which { string left = 2; string right = 3; }
  repeated Entry entries = 4;
  string asked = 5;
  google.type.Money paid = 6;
}
message Entry { string name = 1; string answer = 2; repeated string notes = 3; }
"#;

const WSDL: &str = r#"<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t">
<w:types><xs:schema targetNamespace="urn:t" elementFormDefault="qualified">
 <xs:element name="In"><xs:complexType><xs:sequence>
  <xs:element name="Owner" type="xs:string" minOccurs="0"/>
  <xs:element name="Tag" type="xs:string" minOccurs="0" maxOccurs="2"/>
  <xs:element name="Item" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
   <xs:element name="Name" type="xs:string"/><xs:element name="Mark" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:choice minOccurs="0"><xs:element name="X" type="xs:string"/><xs:element name="Y" type="xs:string"/></xs:choice>
  <xs:element name="Kind" type="xs:string" minOccurs="0"/>
  <xs:element name="Price" type="xs:decimal" minOccurs="0"/>
  <xs:element name="Currency" type="xs:string" minOccurs="0"/>
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="Out"><xs:complexType><xs:sequence>
  <xs:element name="Error" type="xs:string" minOccurs="0"/>
  <xs:element name="Data" minOccurs="0"><xs:complexType><xs:sequence>
   <xs:element name="Answer" type="xs:string" minOccurs="0"/>
   <xs:element name="Paid" type="xs:decimal" minOccurs="0"/>
   <xs:element name="L" type="xs:string" minOccurs="0"/><xs:element name="R" type="xs:string" minOccurs="0"/>
   <xs:element name="Entry" minOccurs="0" maxOccurs="unbounded" nillable="true"><xs:complexType><xs:sequence>
    <xs:element name="Name" type="xs:string"/><xs:element name="Note" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
   </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="Trouble"><xs:complexType><xs:sequence><xs:element name="code" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
</xs:schema></w:types>
<w:message name="I"><w:part name="p" element="t:In"/></w:message>
<w:message name="O"><w:part name="p" element="t:Out"/></w:message>
<w:message name="F"><w:part name="p" element="t:Trouble"/></w:message>
<w:portType name="P"><w:operation name="Ask"><w:input message="t:I"/><w:output message="t:O"/><w:fault name="f" message="t:F"/></w:operation></w:portType>
<w:binding name="B" type="t:P"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
 <w:operation name="Ask"><s:operation soapAction="urn:ask"/><w:input><s:body use="literal"/></w:input><w:output><s:body use="literal"/></w:output>
 <w:fault name="f"><s:fault name="f" use="literal"/></w:fault></w:operation></w:binding>
<w:service name="S"><w:port name="P11" binding="t:B"><s:address location="http://a/"/></w:port></w:service>
</w:definitions>"#;

const MAPPING: &str = r#"
route: t.ask
source: { grpc: { proto: t.proto, method: t.S/Ask } }
target: { soap: { system: legacy, wsdl: t.wsdl, operation: Ask } }
delivery: { mode: request-reply, timeout: 5s }
request:
  require: [ { that: kind != 'bad', field: kind, message: not that kind } ]
  body:
    Owner: owner
    Tag: tags
    Item:
      each: i in items
      map: { Name: "i.name + '/' + owner", Mark: i.marks }
    X: x
    Y: y
    Kind: lookup('kinds', kind)
response:
  fail: [ { when: has(body.Error), status: NOT_FOUND, message: body.Error } ]
  from: body.Data
  body:
    answer: { cases: [ { when: has(L), const: left }, { when: has(R), const: right }, { otherwise: Answer } ] }
    left: L
    right: R
    asked: original.owner
    entries:
      each: e in Entry
      nil: POLICY
      map: { name: e.Name, answer: "default(Answer, 'none')", notes: e.Note }
faults:
  - { when: "fault.detail.code == 'BUSY'", status: UNAVAILABLE, retry: true }
tables:
  kinds: { a: "1", default: other }
"#;

#[derive(Clone, PartialEq, prost::Message)]
struct In {
    #[prost(string, tag = "1")]
    owner: String,
    #[prost(string, repeated, tag = "2")]
    tags: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    items: Vec<Item>,
    #[prost(string, optional, tag = "4")]
    x: Option<String>,
    #[prost(string, optional, tag = "5")]
    y: Option<String>,
    #[prost(string, tag = "6")]
    kind: String,
    #[prost(message, optional, tag = "7")]
    price: Option<Money>,
}

/// `google.type.Money`
#[derive(Clone, PartialEq, prost::Message)]
struct Money {
    #[prost(string, tag = "1")]
    currency_code: String,
    #[prost(int64, tag = "2")]
    units: i64,
    #[prost(int32, tag = "3")]
    nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Item {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, repeated, tag = "2")]
    marks: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Out {
    #[prost(string, tag = "1")]
    answer: String,
    #[prost(string, optional, tag = "2")]
    left: Option<String>,
    #[prost(string, optional, tag = "3")]
    right: Option<String>,
    #[prost(message, repeated, tag = "4")]
    entries: Vec<Entry>,
    #[prost(string, tag = "5")]
    asked: String,
    #[prost(message, optional, tag = "6")]
    paid: Option<Money>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    answer: String,
    #[prost(string, repeated, tag = "3")]
    notes: Vec<String>,
}

fn route(policy: &str) -> CompiledRoute {
    compiled(&MAPPING.replace("POLICY", policy))
}

fn compiled(mapping: &str) -> CompiledRoute {
    compiled_with(mapping, &Standing::default())
}

fn compiled_with(mapping: &str, standing: &Standing) -> CompiledRoute {
    compiled_of(&files(mapping), standing)
}

fn files(mapping: &str) -> Memory {
    Memory::default().with("m.yaml", mapping).with("t.proto", PROTO).with("t.wsdl", WSDL)
}

fn compiled_of(files: &Memory, standing: &Standing) -> CompiledRoute {
    let mut sources = Sources::default();
    let checked = load("m.yaml", files, &mut sources, standing);
    let findings: Vec<_> = checked.diagnostics.into_iter().map(|d| d.message).collect();
    let routes = checked.value.unwrap_or_default();
    routes.first().unwrap_or_else(|| panic!("{findings:#?}")).compile()
}

fn environment(original: Option<&[u8]>) -> Environment<'_> {
    let context = Context {
        message_id: "m",
        route: "r",
        caller: None,
        received: jiff::Timestamp::UNIX_EPOCH,
        attempt: 1,
        request_id: None,
        sequence: None,
    };
    Environment { context, metadata: &[], original }
}

/// What stands in the body of the SOAP request, prefixes taken off.
fn request(message: &In) -> Result<String, RunError> {
    requested(&route("refuse"), message)
}

fn requested(route: &CompiledRoute, message: &In) -> Result<String, RunError> {
    let mut out = Vec::new();
    route.request.run(&message.encode_to_vec(), &environment(None), &mut Scratch::default(), &mut out)?;
    let text = String::from_utf8(out).unwrap();
    let prefix = regex::Regex::new("(</?)[a-z0-9]+:").unwrap();
    let text = prefix.replace_all(&text, "$1").into_owned();
    let inner = text.split_once("<In>").unwrap().1.split_once("</In>").unwrap().0;
    Ok(inner.to_owned())
}

#[test]
fn a_code_without_a_row_is_its_fields_fault() {
    let plan = compiled(&MAPPING.replace("POLICY", "refuse").replace(", default: other", "")).request;
    let message = In { owner: "o".to_owned(), kind: "z".to_owned(), ..In::default() }.encode_to_vec();
    let run = plan.run(&message, &environment(None), &mut Scratch::default(), &mut Vec::new());
    let refused = run.unwrap_err();
    assert_eq!(refused.source_path().as_deref(), Some("body.kind"));
    assert_eq!(refused.to_string(), "`body.kind` to `body.Kind`: the table `kinds` has no row for this key");
}

#[test]
fn requests() {
    let text = |text: &str| text.to_owned();
    let item = |name: &str, marks: &[&str]| Item {
        name: text(name),
        marks: marks.iter().map(|m| text(m)).collect(),
    };
    let base = In { owner: text("o"), ..In::default() };
    for (message, expected) in [
        (In::default(), ""),
        (In { kind: text("a"), ..base.clone() }, "<Owner>o</Owner><Kind>1</Kind>"),
        (In { kind: text("z"), ..base.clone() }, "<Owner>o</Owner><Kind>other</Kind>"),
        (In { kind: text("bad"), ..base.clone() }, "`kind`: not that kind"),
        (In { tags: vec![text("1"), text("2")], ..base.clone() }, "<Owner>o</Owner><Tag>1</Tag><Tag>2</Tag>"),
        (
            In { tags: vec![text("1"), text("2"), text("3")], ..base.clone() },
            "`body.Tag`: more items than the contract allows",
        ),
        (
            In { items: vec![item("a", &["x", "y"]), item("b", &[])], ..base.clone() },
            "<Owner>o</Owner><Item><Name>a/o</Name><Mark>x</Mark><Mark>y</Mark></Item><Item><Name>b/o</Name></Item>",
        ),
        (In { y: Some(text("")), ..base.clone() }, "<Owner>o</Owner><Y></Y>"),
        (
            In { x: Some(text("1")), y: Some(text("2")), ..base.clone() },
            "`body.X` and `body.Y` are alternatives, and both have a value; fill each in a case of its own",
        ),
    ] {
        let found = request(&message).unwrap_or_else(|error| error.to_string());
        assert_eq!(found, expected, "{message:?}");
    }
}

fn reply(policy: &str, body: &str) -> Result<ReplyOutcome, String> {
    replied(&route(policy), body)
}

fn replied(route: &CompiledRoute, body: &str) -> Result<ReplyOutcome, String> {
    let plan = &route.reply;
    let input = format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns='urn:t' \
         xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><s:Body>{body}</s:Body></s:Envelope>"
    );
    let original = In { owner: "me".to_owned(), ..In::default() }.encode_to_vec();
    let mut out = Vec::new();
    let environment = environment(Some(&original));
    let outcome = plan
        .run(input.as_bytes(), &environment, &mut Scratch::default(), &mut out)
        .map_err(|error| error.to_string())?;
    match outcome {
        ReplyOutcome::Written => Err(format!("{:?}", Out::decode(&*out).unwrap())),
        fault => Ok(fault),
    }
}

#[test]
fn replies() {
    let entry = |name: &str, answer: &str, notes: &[&str]| Entry {
        name: name.to_owned(),
        answer: answer.to_owned(),
        notes: notes.iter().map(|n| (*n).to_owned()).collect(),
    };
    let base = Out { asked: "me".to_owned(), ..Out::default() };
    let shown = |out: Out| format!("{out:?}");
    for (policy, body, expected) in [
        ("refuse", "<Out><Data/></Out>", shown(base.clone())),
        ("refuse", "<Out/>", "what `from` names is not there, and no `fail` rule says why".to_owned()),
        (
            "refuse",
            "<Out><Error>gone</Error></Out>",
            "the reply is a failure by a `fail` rule (status 5)".to_owned(),
        ),
        (
            "refuse",
            "<Out><Data><Answer>yes</Answer></Data></Out>",
            shown(Out { answer: "yes".to_owned(), ..base.clone() }),
        ),
        (
            "refuse",
            "<Out><Data><R>r</R></Data></Out>",
            shown(Out { answer: "right".to_owned(), right: Some("r".to_owned()), ..base.clone() }),
        ),
        (
            "refuse",
            "<Out><Data><L>l</L><R>r</R></Data></Out>",
            "`body.left` and `body.right` are alternatives, and both have a value; fill each in a case of its own"
                .to_owned(),
        ),
        (
            "refuse",
            "<Out><Data><Entry><Name>a</Name><Note>1</Note><Note>2</Note></Entry><Entry><Name>b</Name></Entry></Data></Out>",
            shown(Out {
                entries: vec![entry("a", "none", &["1", "2"]), entry("b", "none", &[])],
                ..base.clone()
            }),
        ),
        (
            "refuse",
            "<Out><Data><Entry xsi:nil='true'/></Data></Out>",
            "`body.entries`: the list holds a nil item; `nil: skip` or `nil: keep` says what to do".to_owned(),
        ),
        (
            "skip",
            "<Out><Data><Answer>yes</Answer><Entry xsi:nil='true'/><Entry><Name>a</Name></Entry></Data></Out>",
            shown(Out { answer: "yes".to_owned(), entries: vec![entry("a", "yes", &[])], ..base.clone() }),
        ),
    ] {
        assert_eq!(reply(policy, body), Err(expected), "{body}");
    }
}

/// A reply whose elements are in no namespace is read, and the plan tells of the first of them; a fault keeps its full name.
#[test]
fn replies_are_qualified_as_systems_please() {
    let route = route("skip");
    let written = replied(&route, "<Out><Data><Answer>yes</Answer></Data></Out>").unwrap_err();
    assert_eq!(route.reply.taken(), None);
    let unqualified = "<Out><Data xmlns=''><Answer>yes</Answer></Data></Out>";
    assert_eq!(replied(&route, unqualified).unwrap_err(), written);
    assert_eq!(route.reply.taken(), Some("Data"));
    let fault = "<Fault xmlns=''><faultcode>s:Server</faultcode><faultstring>why</faultstring></Fault>";
    assert!(replied(&route, fault).unwrap_err().contains("`Body.Fault`"), "no fault of SOAP");
}

#[test]
fn faults() {
    let fault = |code: &str| {
        let fault = format!(
            "<s:Fault><faultcode xmlns=''>s:Server</faultcode><faultstring xmlns=''>why</faultstring>\
             <detail xmlns=''><Trouble xmlns='urn:t'><code>{code}</code></Trouble></detail></s:Fault>"
        );
        let Ok(ReplyOutcome::Fault(fault)) = reply("skip", &fault) else { panic!("no fault") };
        assert_eq!(fault.reason.as_deref(), Some("why"));
        fault.matched.map(|matched| (matched.status, matched.retry))
    };
    assert_eq!(fault("BUSY"), Some((14, true)));
    assert_eq!(fault("OTHER"), None);
}

/// What is asked of the caller's metadata and of the envelope is known within the test, and decides at run time.
#[test]
fn metadata_that_may_be_absent_is_asked_for() {
    let owner =
        "\"has(metadata.tenant) && has(context.caller) ? metadata.tenant + '/' + context.caller : owner\"";
    let plan =
        compiled(&MAPPING.replace("POLICY", "refuse").replace("Owner: owner", &format!("Owner: {owner}")))
            .request;
    let message = In { owner: "o".to_owned(), kind: "a".to_owned(), ..In::default() }.encode_to_vec();
    let written = |metadata: &[(&str, &str)], caller: Option<&str>| {
        let plain = environment(None);
        let context = Context { caller, ..plain.context };
        let mut out = Vec::new();
        let environment = Environment { metadata, context, original: None };
        plan.run(&message, &environment, &mut Scratch::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (_, rest) = text.split_once("Owner>").unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    assert_eq!(written(&[("tenant", "t")], Some("c")), "t/c");
    assert_eq!(written(&[("tenant", "t")], None), "o");
    assert_eq!(written(&[], Some("c")), "o");
}

#[test]
fn lists_of_expressions() {
    let text = |text: &str| text.to_owned();
    let item = |name: &str, marks: &[&str]| Item {
        name: text(name),
        marks: marks.iter().map(|m| text(m)).collect(),
    };
    let message = In {
        owner: text("b"),
        tags: ["10", "9", "10"].map(text).to_vec(),
        items: vec![item("b", &["x", "y"]), item("a", &[]), item("c", &["z"])],
        ..In::default()
    };
    for (rule, expected) in [
        ("Owner: items.map(i, i.name).join(', ')", "<Owner>b, a, c</Owner>"),
        ("Owner: items.sort(i, i.name).map(i, i.name).join('')", "<Owner>abc</Owner>"),
        ("Owner: items.filter(i, size(i.marks) > 0).map(i, i.name).last()", "<Owner>c</Owner>"),
        ("Owner: items.filter(i, i.name == 'none').map(i, i.name).first()", ""),
        ("Owner: string(sum(tags.map(t, integer(t))))", "<Owner>29</Owner>"),
        ("Owner: string(max(tags.map(t, integer(t))))", "<Owner>10</Owner>"),
        ("Owner: string(size(tags.distinct()))", "<Owner>2</Owner>"),
        ("Tag: tags.distinct()", "<Tag>10</Tag><Tag>9</Tag>"),
        ("Tag: tags.sort(t, integer(t)).reverse().distinct()", "<Tag>10</Tag><Tag>9</Tag>"),
        ("Tag: \"'a;b'.split(';')\"", "<Tag>a</Tag><Tag>b</Tag>"),
        ("Kind: \"items.exists(i, i.name == owner) ? 'own' : 'other'\"", "<Kind>own</Kind>"),
        ("Kind: \"items.all(i, i.name == owner) ? 'own' : 'other'\"", "<Kind>other</Kind>"),
        ("Kind: \"'z' in items.map(i, i.marks.join('')) ? 'in' : 'out'\"", "<Kind>in</Kind>"),
        // An item beside another of the same list.
        (
            "Owner: items.filter(i, items.exists(j, j.name < i.name && size(j.marks) > size(i.marks))).map(i, i.name).join('')",
            "<Owner>c</Owner>",
        ),
        (
            "Item: { each: i in items, map: { Name: \"items.filter(j, j.name < i.name).map(j, j.name).join('+')\" } }",
            "`body.Item.Name` is required and has no value",
        ),
        (
            "Item: { each: i in items, map: { Name: \"default(items.filter(j, j.name < i.name).map(j, j.name).join('+'), '-')\" } }",
            "<Item><Name>a</Name></Item><Item><Name>-</Name></Item><Item><Name>b+a</Name></Item>",
        ),
        (
            "Item: { each: 'i in items.filter(i, size(i.marks) > 0).sort(i, default(i.marks.first(), \"\")).reverse()', map: { Name: i.name, Mark: i.marks } }",
            "<Item><Name>c</Name><Mark>z</Mark></Item><Item><Name>b</Name><Mark>x</Mark><Mark>y</Mark></Item>",
        ),
        (
            "Item: { each: n in tags.distinct(), map: { Name: n, Mark: \"items.filter(i, i.name > n).map(i, i.name + n)\" } }",
            "<Item><Name>10</Name><Mark>b10</Mark><Mark>a10</Mark><Mark>c10</Mark></Item>\
             <Item><Name>9</Name><Mark>b9</Mark><Mark>a9</Mark><Mark>c9</Mark></Item>",
        ),
        ("Tag: \"items.map(i, i.name)\"", "`body.Tag`: more items than the contract allows"),
    ] {
        assert_eq!(written(rule, &message), expected, "{rule}");
    }
}

/// What one rule of a request makes of a message.
fn written(rule: &str, message: &In) -> String {
    let (before, rest) = MAPPING.split_once("    Owner: owner").unwrap();
    let after = rest.split_once("response:").unwrap().1;
    let mapping = format!(
        "{before}    {rule}\n  ignore: [ owner, tags, items, items.*, x, y, kind ]\nresponse:{after}"
    );
    let mapping = mapping.replace("POLICY", "skip");
    requested(&compiled(&mapping), message).unwrap_or_else(|error| error.to_string())
}

#[test]
fn lists_are_written_out() {
    let text = |text: &str| text.to_owned();
    let message = In { owner: text("b"), tags: vec![text("t")], x: Some(text("x")), ..In::default() };
    for (rule, expected) in [
        ("Tag: [ owner, x ]", "<Tag>b</Tag><Tag>x</Tag>"),
        ("Tag: [ kind, y, x ]", "<Tag>x</Tag>"),
        ("Tag: [ kind, y ]", ""),
        ("Tag: [ owner, { const: c }, x ]", "`body.Tag`: more items than the contract allows"),
        (
            "Tag: [ { cases: [ { when: has(y), then: y }, { otherwise: { absent: true } } ] }, { const: c } ]",
            "<Tag>c</Tag>",
        ),
        (
            "Item: [ { Name: owner, Mark: tags }, { Name: kind }, { Name: { const: c } } ]",
            "<Item><Name>b</Name><Mark>t</Mark></Item><Item><Name>c</Name></Item>",
        ),
        ("Item: [ { Name: x, Mark: tags }, { Name: y } ]", "<Item><Name>x</Name><Mark>t</Mark></Item>"),
        ("Item: [ { Name: x }, { Name: y, Mark: tags } ]", "`body.Item.Name` is required and has no value"),
    ] {
        assert_eq!(written(rule, &message), expected, "{rule}");
    }
}

#[test]
fn lists_within_lists_are_given_up_before_they_take_all_day() {
    let rule = "Owner: \"string(size(tags.filter(t, tags.exists(u, tags.exists(v, v == 'none')))))\"";
    let (before, rest) = MAPPING.split_once("    Owner: owner").unwrap();
    let after = rest.split_once("response:").unwrap().1;
    let mapping = format!("{before}    {rule}\n  ignore: [ owner, items, x, y, kind ]\nresponse:{after}");
    let route = compiled(&mapping.replace("POLICY", "skip"));
    let message = In { tags: (0..2_000).map(|n| n.to_string()).collect(), ..In::default() };
    let refused = requested(&route, &message).unwrap_err().to_string();
    assert!(refused.contains("look at more than five million items"), "{refused}");
}

#[test]
fn a_trace_tells_what_each_field_is_made_of() {
    let message = In {
        owner: "o".to_owned(),
        kind: "a".to_owned(),
        items: vec![Item { name: "n".to_owned(), marks: vec!["x".to_owned(), "y".to_owned()] }],
        ..In::default()
    };
    let (mut trace, mut out) = (Trace::default(), Vec::new());
    let route = route("skip");
    let run = route.request.run_traced(&message.encode_to_vec(), &environment(None), &mut trace, &mut out);
    run.unwrap();
    let step = |step: &TracedStep| {
        let what = match &step.what {
            Traced::Read(path) => path.to_string(),
            Traced::Part(span) => MAPPING[span.start as usize..span.end as usize].to_owned(),
            Traced::Operator(operator) => (*operator).to_owned(),
        };
        format!("{what} = {}", step.value.as_deref().unwrap_or("absent"))
    };
    let rules = trace.rules.iter().map(|rule| {
        let steps: Vec<_> = rule.steps.iter().map(step).collect();
        format!("{}: {} ({})", rule.target, rule.value.as_deref().unwrap_or("absent"), steps.join("; "))
    });
    let expected = [
        r#"require: true (body.kind = "a"; != = true)"#,
        r#"body.Owner: "o" (body.owner = "o")"#,
        r#"body.Item[0].Name: "n/o" (body.items.name = "n"; + = "n/"; body.owner = "o"; + = "n/o")"#,
        r#"body.Item[0].Mark[0]: "x" (body.items.marks = "x")"#,
        r#"body.Item[0].Mark[1]: "y" (body.items.marks = "y")"#,
        "body.X: absent (body.x = absent)",
        "body.Y: absent (body.y = absent)",
        r#"body.Kind: "1" (body.kind = "a"; lookup('kinds', kind) = "1")"#,
    ];
    assert_eq!(rules.collect::<Vec<_>>(), expected);
    // What is told changes nothing.
    let mut untold = Vec::new();
    let message = message.encode_to_vec();
    route.request.run(&message, &environment(None), &mut Scratch::default(), &mut untold).unwrap();
    assert_eq!(out, untold);
}

#[test]
fn money_is_exact_both_ways() {
    let mapping = MAPPING.replace("POLICY", "skip");
    let mapping = mapping
        .replace("    X: x\n", "    X: x\n    Price: amount(price)\n    Currency: price.currency_code\n");
    let mapping = mapping.replace("    left: L\n", "    left: L\n    paid: money(Paid, 'EUR')\n");
    let route = compiled(&mapping);
    let money = |units, nanos| Money { currency_code: "EUR".to_owned(), units, nanos };
    for (price, expected) in [
        (None, ""),
        (Some(money(12, 750_000_000)), "<Price>12.75</Price><Currency>EUR</Currency>"),
        (Some(money(0, -500_000_000)), "<Price>-0.5</Price><Currency>EUR</Currency>"),
        (Some(money(i64::MAX, 0)), "<Price>9223372036854775807</Price><Currency>EUR</Currency>"),
        (Some(Money::default()), "<Price>0</Price>"),
        (
            Some(money(1, -1)),
            "`body.price.units` to `body.Price`: amount: units and nanos are no amount of money",
        ),
    ] {
        let message = In { price, ..In::default() };
        let found = requested(&route, &message).unwrap_or_else(|error| error.to_string());
        assert_eq!(found, expected, "{message:?}");
    }
    let base = Out { asked: "me".to_owned(), ..Out::default() };
    for (paid, expected) in [
        ("", Some(None)),
        ("<Paid>12.75</Paid>", Some(Some(money(12, 750_000_000)))),
        ("<Paid>-0.50</Paid>", Some(Some(money(0, -500_000_000)))),
        ("<Paid>0</Paid>", Some(Some(money(0, 0)))),
        ("<Paid>0.0000000001</Paid>", None),
    ] {
        let found = replied(&route, &format!("<Out><Data>{paid}</Data></Out>")).unwrap_err();
        match expected {
            Some(paid) => assert_eq!(found, format!("{:?}", Out { paid, ..base.clone() })),
            None => {
                assert!(found.contains("body.paid.nanos") || found.contains("body.paid.units"), "{found}")
            }
        }
    }
}
