//! Small layouts: the payments of the manual, batches in batches, totals that stand first, delimited values.

use super::*;

fn payments() -> RecordFile {
    let page = include_str!("../../../../docs/reference/layouts.md");
    let text = page.split("```yaml\n").find(|block| block.starts_with("layout: payments")).unwrap();
    compiled(text.split("\n```").next().unwrap())
}

fn payment(account: &str, amount: &str, text: &str) -> String {
    format!("P{account:<20}{amount}EUR{text:<7}\n")
}

const HEADER: &str = "HBANK000120261129                       \n";

fn trailer(count: u32, total: u64) -> String {
    format!("T{count:06}{total:014}{:19}\n", "")
}

fn note(text: &str) -> String {
    format!("N{text:<39}\n")
}

#[test]
fn headers_stay_and_trailers_count_anew() {
    let file = payments();
    let parts = [
        payment("A", "000000100", "one"),
        payment("B", "000000250", ""),
        note("for B"),
        note("more for B"),
        payment("C", "000000500", "three"),
        note("for C"),
        payment("D", "000001000", ""),
    ];
    let whole = format!("{HEADER}{}{}", parts.concat(), trailer(4, 1850));
    assert_eq!(errors(&file, whole.as_bytes()), []);
    let [a, b, b1, b2, c, c1, d] = &parts;
    let expect = |parts: &[&String], count, total| {
        let parts: String = parts.iter().map(|part| part.as_str()).collect();
        format!("{HEADER}{parts}{}", trailer(count, total))
    };
    check(&file, "payment", &whole, &[3], &expect(&[b, b1, b2], 1, 250));
    check(&file, "payment", &whole, &[2, 6], &expect(&[a, c, c1], 2, 600));
    check(&file, "payment", &whole, &[2, 3, 6, 8], &whole);
    check(&file, "payment", &whole, &[8], &expect(&[d], 1, 1000));
    // Nothing is refused, and nothing written. A note is no message.
    for none in [&[][..], &[1, 4, 9, 99]] {
        let (out, told) = rejects(&file, "payment", whole.as_bytes(), none).unwrap();
        assert_eq!((out.len(), told), (0, Rejected::default()));
    }
    let (_, told) = rejects(&file, "payment", whole.as_bytes(), &[3, 6]).unwrap();
    assert_eq!(told, Rejected { messages: 2, records: 5, around: 2 });
    // What is rejected of the rejects is the same again.
    let (out, _) = rejects(&file, "payment", whole.as_bytes(), &[3, 6]).unwrap();
    let (again, _) = rejects(&file, "payment", &out, &[2, 5]).unwrap();
    assert_eq!(out, again);
}

#[test]
fn records_that_cannot_be_read_keep_their_bytes_and_are_counted() {
    let file = payments();
    let bad = payment("B", "00000O250", "");
    let listed = payment("C", "000000500", "").replace("EUR", "XXX");
    let parts = [payment("A", "000000100", ""), bad.clone(), note("of B"), listed.clone()];
    let whole = format!("{HEADER}{}{}", parts.concat(), trailer(3, 600));
    let (out, _) = rejects(&file, "payment", whole.as_bytes(), &[3, 5]).unwrap();
    // The sum is of what can be read.
    assert_eq!(
        String::from_utf8(out.clone()).unwrap(),
        format!("{HEADER}{bad}{}{listed}{}", note("of B"), trailer(2, 500))
    );
    let found = errors(&file, &out);
    assert_eq!(found.iter().map(|(record, _)| *record).collect::<Vec<_>>(), [2, 4], "{found:?}");
    // Corrected, it is taken.
    let corrected = String::from_utf8(out).unwrap().replace("00000O250", "000000250").replace("XXX", "EUR");
    let corrected = corrected.replace(&trailer(2, 500), &trailer(2, 750));
    assert_eq!(errors(&file, corrected.as_bytes()), []);
}

#[test]
fn records_of_no_known_kind_go_by_themselves() {
    let file = payments();
    let strange = format!("X{:39}\n", "");
    let parts = [payment("A", "000000100", ""), strange.clone(), payment("B", "000000200", "")];
    let whole = format!("{HEADER}{}{}", parts.concat(), trailer(2, 300));
    let (out, told) = rejects(&file, "payment", whole.as_bytes(), &[3]).unwrap();
    assert_eq!(String::from_utf8(out.clone()).unwrap(), format!("{HEADER}{strange}{}", trailer(0, 0)));
    assert_eq!(told, Rejected { messages: 1, records: 1, around: 2 });
    assert_eq!(errors(&file, &out).len(), 1);
    let (out, _) = rejects(&file, "payment", whole.as_bytes(), &[2, 3, 4]).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), whole);
}

#[test]
fn lines_end_as_they_ended_and_blanks_that_were_cut_off_stay_so() {
    let layout = "
layout: it
file: { record-length: 12, short-lines: pad }
records:
  head: { when: { 1: H }, fields: { text: 2-6, count: { columns: 7-8, picture: 99, value: count(item) }, rest: { columns: 9-12, filler: true } } }
  item: { when: { 1: I }, occurs: 0.., fields: { text: 2-12 } }
";
    let file = compiled(layout);
    check(&file, "item", "Hx    02\r\nIa\r\nIbb", &[3], "Hx    01    \r\nIbb");
    check(&file, "item", "Hx    02\nIa\nIbb", &[2, 3], "Hx    02    \nIa\nIbb");
    check(&file, "item", "Hx    02\nIa\nIbb", &[2], "Hx    01    \nIa\n");
}

const EMPLOYERS: &str = "
layout: wages
file: { record-length: 16 }
records:
  submitter: { when: { 1: A }, fields: { employers: { columns: 2-4, picture: 999, value: count(employer) }, name: 5-16 } }
  employer:
    when: { 1: E }
    occurs: 1..
    fields: { number: { columns: 2-4, picture: 999, value: ordinal(employer) }, ein: 5-16 }
    records:
      remark: { when: { 1: R }, occurs: 0.., fields: { text: 2-16 } }
      employee:
        when: { 1: W }
        occurs: 1..
        fields: { line: { columns: 2-4, picture: 999, value: ordinal(employee) }, wages: 5-10 9(6), name: 11-16 }
        records:
          state: { when: { 1: S }, occurs: 0.., fields: { line: { columns: 2-4, picture: 999, value: employee.line }, name: 5-16 } }
      total: { when: { 1: T }, fields: { count: { columns: 2-4, picture: 999, value: count(employee) }, sum: { columns: 5-16, picture: 9(12), value: sum(employee.wages) } } }
  final: { when: { 1: F }, fields: { count: { columns: 2-4, picture: 999, value: count(employer.employee) }, sum: { columns: 5-16, picture: 9(12), value: sum(employer.total.sum) } } }
";

const WAGES: &str = "\
A003HELP        
E001EIN-1       
Rremark         
W001000100ANN   
W002000200BOB   
S002OHIO        
T002000000000300
E002EIN-2       
W001000300CAM   
T001000000000300
E003EIN-3       
W001000400DEE   
W002000500EVE   
S002UTAH        
W003000600FAY   
T003000000001500
F006000000002100
";

#[test]
fn groups_without_a_refused_record_are_left_out_and_numbers_begin_anew() {
    let file = compiled(EMPLOYERS);
    assert_eq!(errors(&file, WAGES.as_bytes()), []);
    check(
        &file,
        "employer.employee",
        WAGES,
        &[5, 13],
        "\
A002HELP        
E001EIN-1       
W001000200BOB   
S001OHIO        
T001000000000200
E002EIN-3       
W001000500EVE   
S001UTAH        
T001000000000500
F002000000000700
",
    );
    // An employer is a message with all that is in it.
    check(
        &file,
        "employer",
        WAGES,
        &[8],
        "\
A001HELP        
E001EIN-2       
W001000300CAM   
T001000000000300
F001000000000300
",
    );
}

#[test]
fn a_number_that_was_wrong_before_stays_as_it_was() {
    let file = compiled(EMPLOYERS);
    let whole = WAGES.replace("W002000500EVE", "W009000500EVE").replace("S002UTAH", "S009UTAH");
    let (out, _) = rejects(&file, "employer.employee", whole.as_bytes(), &[13]).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("W009000500EVE") && out.contains("T001000000000500"), "{out}");
    assert_eq!(errors(&file, out.as_bytes()).len(), 1);
}

#[test]
fn delimited_values_with_titles_before_and_a_trailer_behind() {
    let layout = "
layout: rates
file: { framing: delimited, delimiter: \";\", titles: false, header-lines: 1 }
records:
  rate: { when: { 1: R }, occurs: 0.., fields: { kind: { length: 1 }, name: { length: 20 }, amount: { length: 9, type: decimal, scale: 2 } } }
  end: { when: { 1: E }, fields: { kind: { length: 1 }, count: { length: 4, type: integer, value: count(rate) }, sum: { length: 12, type: decimal, scale: 2, value: sum(rate.amount) } } }
";
    let file = compiled(layout);
    let whole = "Kind;Name\r\nR;\"A;\"\"a\";1.50\r\nR;B;2.25\r\nR;C;x\r\nE;3;3.75\r\n";
    let (out, _) = rejects(&file, "rate", whole.as_bytes(), &[1, 3]).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(out.starts_with("Kind;Name\r\nR;\"A;\"\"a\";1.50\r\nR;C;x\r\nE;"), "{out}");
    assert_eq!(errors(&file, out.as_bytes()).len(), 1, "{out}");
    let (out, _) = rejects(&file, "rate", whole.as_bytes(), &[1]).unwrap();
    assert_eq!(errors(&file, &out), [], "{}", String::from_utf8_lossy(&out));
}

#[test]
fn blocks_of_the_mainframe_are_cut_anew() {
    let layout = "
layout: it
file: { framing: bdw, encoding: cp037 }
records:
  head: { when: { 1: H }, fields: { kind: { columns: 1 }, count: { columns: 2-3, picture: 99, value: count(item) } } }
  item: { when: { 1: I }, occurs: 0.., fields: { kind: { columns: 1 }, text: { columns: 2-4 }, packed: { columns: 5-6, picture: S9(3), usage: comp-3 } } }
";
    let file = compiled(layout);
    let mut writer = portolan_formats::records::RecordWriter::new(&file);
    let mut whole = Vec::new();
    for line in [
        r#"{"_record":"head","kind":"H"}"#,
        r#"{"_record":"item","kind":"I","text":"ABC","packed":-12}"#,
        r#"{"_record":"item","kind":"I","text":"DEF","packed":345}"#,
    ] {
        writer.line(line, &mut whole).unwrap();
    }
    writer.finish(&mut whole).unwrap();
    for (at, bytes) in writer.patches() {
        portolan_batch::Patch::patch(&mut whole, at, &bytes).unwrap();
    }
    assert_eq!(errors(&file, &whole), []);
    let (out, told) = rejects(&file, "item", &whole, &[3]).unwrap();
    assert_eq!((errors(&file, &out), told.records), (vec![], 1));
    assert_eq!(numbers(&file, "item", &out), [2]);
    // DEF, in EBCDIC, and the packed number as it was.
    assert!(out.ends_with(&[0xC9, 0xC4, 0xC5, 0xC6, 0x34, 0x5C]), "{out:02x?}");
}

/// A file that was released, or went as it was read: what stands around its messages need not be readable. It stays as it was,
/// but for lines of values, which are written anew: there it is left out.
#[test]
fn values_around_messages_that_cannot_be_read_are_no_hindrance() {
    const FIXED: &str = "layout: it
file: { framing: lines }
records:
  head: { when: { 1: H }, fields: { day: { columns: 2-9, date: yyyyMMdd }, kind: { columns: 10-10, values: [A] }, many: 11-12 9(2) } }
  order: { when: { 1: O }, occurs: 0.., fields: { number: 2-6 9(5) } }
  total: { when: { 1: T }, fields: { count: { columns: 2-6, picture: 9(5), value: count(order) }, sum: { columns: 7-12, picture: 9(6), value: sum(order.number) } } }
";
    let delimited = "layout: it
file: { framing: delimited, delimiter: ';', titles: false }
records:
  head: { when: { kind: H }, fields: { kind: { length: 1 }, day: { length: 8, date: yyyyMMdd }, other: { length: 1, values: [A] } } }
  order: { when: { kind: O }, occurs: 0.., fields: { kind: { length: 1 }, number: { length: 5, type: integer } } }
  total: { when: { kind: T }, fields: { kind: { length: 1 }, count: { length: 5, type: integer, value: count(order) } } }
";
    let fixed = compiled(FIXED);
    let (out, _) = rejects(&fixed, "order", b"H20261399Bxx\nO00001\nO0000x\nT0000xyyyyyy\n", &[3]).unwrap();
    assert_eq!(String::from_utf8_lossy(&out), "H20261399Bxx\nO0000x\nT00001000000\n");
    let delimited = compiled(delimited);
    let (out, _) = rejects(&delimited, "order", b"H;20261399;B\nO;1\nO;x\nT;x\n", &[3]).unwrap();
    assert_eq!(String::from_utf8_lossy(&out), "H;;\nO;x\nT;00001\n");
}
