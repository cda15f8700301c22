//! What a sound mapping meets in a valid message may be refused, and then for a reason that docs/reference/language.md names.
//! That operands are absent, or of kinds that do not go together, `check` has said before.

use std::path::Path;

use portolan_diagnostics::Sources;
use portolan_formats::ValueProblem;
use portolan_mapping::{
    functions::EvalError,
    run::{Context, Environment, RunError, Scratch},
};
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value, prost::Message as _,
};

use super::{Found, read};

#[path = "../../tests/trial/mod.rs"]
mod trial;

/// Messages of each route and direction.
const MESSAGES: u64 = 300;

/// Numbers that are the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one_of<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }

    fn message(&mut self, descriptor: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            let set = match descriptor.full_name() {
                "google.type.Date" | "google.type.TimeOfDay" => true,
                _ => depth < 4 && self.below(4) > 0,
            };
            if !set {
                continue;
            }
            if field.is_list() {
                let count = self.below(4);
                let items = (0..count).map(|_| self.value(&field, depth)).collect();
                message.set_field(&field, Value::List(items));
            } else if !field.is_map() {
                let value = self.value(&field, depth);
                message.set_field(&field, value);
            }
        }
        message
    }

    fn value(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        let of = field.parent_message().full_name().to_owned();
        match (of.as_str(), field.name()) {
            ("google.type.Date", "year") => return Value::I32(self.one_of(&[1985, 2024, 9999])),
            ("google.type.Date", _) => return Value::I32(self.one_of(&[1, 12])),
            ("google.type.TimeOfDay", "nanos") | (_, "nanos") => return Value::I32(self.one_of(&[0, 5])),
            ("google.type.TimeOfDay", _) => return Value::I32(self.one_of(&[0, 23])),
            ("google.protobuf.Timestamp", "seconds") => return Value::I64(self.one_of(&[0, 1_795_440_438])),
            ("google.type.Decimal", "value") => return Value::String(self.one_of(&["1.5", "-2"]).into()),
            _ => {}
        }
        match field.kind() {
            Kind::Bool => Value::Bool(self.below(2) == 0),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                Value::I32(self.one_of(&[0, 1, -1, i32::MAX, i32::MIN]))
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                Value::I64(self.one_of(&[0, 1, -1, 1999, i64::MAX, i64::MIN]))
            }
            Kind::Uint32 | Kind::Fixed32 => Value::U32(self.one_of(&[0, 1, u32::MAX])),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(self.one_of(&[0, 1, u64::MAX])),
            Kind::Float => Value::F32(self.one_of(&[0.0, 1.5, f32::NAN, f32::INFINITY])),
            Kind::Double => Value::F64(self.one_of(&[0.0, 1.5, f64::NAN, f64::INFINITY])),
            Kind::Bytes => Value::Bytes(vec![0xff; self.below(3)].into()),
            Kind::String => Value::String(self.text()),
            Kind::Message(inner) => Value::Message(self.message(&inner, depth + 1)),
            Kind::Enum(declared) => {
                let known: Vec<i32> = declared.values().map(|v| v.number()).collect();
                Value::EnumNumber(self.one_of(&known))
            }
        }
    }

    fn text(&mut self) -> String {
        let long = "x".repeat(300);
        let known = [
            "",
            " ",
            "a",
            "EE",
            "01",
            "38001085718",
            "2024-01-31",
            "1.50",
            "Õunapuu",
            "A & B <c>",
            "\u{1}",
            "---",
            &long,
        ];
        self.one_of(&known).to_owned()
    }
}

/// Whether the reference names it.
fn is_named(error: &RunError) -> bool {
    !matches!(
        error,
        RunError::Value {
            problem: EvalError::AbsentOperand
                | EvalError::Mismatch
                | EvalError::Value(ValueProblem::WrongKind),
            ..
        }
    )
}

fn request_type(found: &Found) -> MessageDescriptor {
    let set = found.loaded.source.descriptor_set.as_deref().unwrap();
    let pool = DescriptorPool::decode(set).unwrap();
    let method = found.loaded.route.method.trim_start_matches('/').to_owned();
    let (service, name) = method.split_once('/').unwrap();
    pool.get_service_by_name(service).unwrap().methods().find(|m| m.name() == name).unwrap().input()
}

fn tried(found: &Found, counts: &mut [usize; 4]) {
    let name = found.loaded.route.name.to_string();
    let compiled = found.loaded.compile();
    let descriptor = request_type(found);
    let mut scratch = Scratch::default();
    let context = Context {
        message_id: "019a3f2e-7c1b-7000-8000-000000000001",
        route: &name,
        caller: None,
        received: jiff::Timestamp::UNIX_EPOCH,
        attempt: 1,
        request_id: None,
        sequence: None,
    };
    let operations = &found.loaded.target.services;
    let operation =
        operations.iter().flat_map(|s| &s.operations).find(|o| *o.name == *found.loaded.route.operation);
    for seed in 0..MESSAGES {
        let request = Random(seed).message(&descriptor, 0).encode_to_vec();
        let environment = Environment { context, metadata: &[], original: None };
        let run = compiled.request.run(&request, &environment, &mut scratch, &mut Vec::new());
        counts[usize::from(run.is_err())] += 1;
        if let Err(error) = run {
            assert!(is_named(&error), "{name}, request {seed}: {error:?}");
        }
        let Some(operation) = operation else { continue };
        let reply = portolan_soap::simulate::sample::reply(&found.loaded.target, operation, seed);
        let environment = Environment { context, metadata: &[], original: Some(&request) };
        let run = compiled.reply.run(reply.as_bytes(), &environment, &mut scratch, &mut Vec::new());
        counts[2 + usize::from(run.is_err())] += 1;
        if let Err(error) = run {
            assert!(is_named(&error), "{name}, reply {seed}: {error:?}\n{reply}");
        }
    }
}

#[test]
fn what_is_accepted_fails_only_as_the_reference_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let trial = trial::routes();
    let trial = trial.as_ref().map(|folder| folder.path().to_owned());
    let folders =
        ["mappings", "tests/gateway/routes"].map(|folder| root.join(folder)).into_iter().chain(trial);
    let mut counts = [0; 4];
    let mut routes = 0;
    for folder in folders {
        let read = read(&folder, std::slice::from_ref(&folder), None, &mut Sources::default());
        for found in &read.routes {
            tried(found, &mut counts);
            routes += 1;
        }
    }
    let [sent, refused, answered, failed] = counts;
    println!(
        "{routes} routes: {sent} requests sent, {refused} refused; {answered} replies answered, {failed} refused"
    );
    assert!(routes >= 5 && sent > 0 && refused > 0 && answered > 0);
}
