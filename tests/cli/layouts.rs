//! Files of records on the command line: `decode`, `encode`, `describe` and `check` of layouts and copybooks.

use std::{
    io::Write,
    path::PathBuf,
    process::{Output, Stdio},
};

use crate::{
    folder, repository,
    snapshot::{check, check_with, portolan},
};

/// The layouts and files of these tests.
fn layouts() -> PathBuf {
    repository().join("tests/cli/layouts")
}

/// A command that reads `input`.
fn piped(words: &[&str], input: &[u8]) -> Output {
    let mut command = portolan(&layouts(), words);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Whoever is refused for its words reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[test]
fn a_file_is_decoded() {
    let decode = |name: &str, words: &[&str]| {
        check(name, &layouts(), &[&["decode", "--layout", "payments.yaml"], words].concat());
    };
    decode("decode", &["payments.txt"]);
    decode("decode-compressed", &["payments.txt.gz"]);
    decode("decode-record", &["payments.txt", "--record", "payment"]);
    decode("decode-record-within", &["payments.txt", "--record", "note"]);
    check("decode-kept", &layouts(), &["decode", "--layout", "padded.yaml", "stripped.txt"]);
    let words = ["decode", "--layout", "padded.yaml", "stripped.txt", "--values-only"];
    check("decode-values-only", &layouts(), &words);
    decode("decode-broken", &["broken.txt"]);
    decode("decode-all-errors", &["broken.txt", "--all-errors"]);
    decode("decode-no-file", &["nope.txt"]);
    check("decode-no-layout", &layouts(), &["decode", "payments.txt"]);
    check(
        "decode-two-layouts",
        &layouts(),
        &["decode", "payments.txt", "--layout", "payments.yaml", "--copybook", "CLAIM.cpy"],
    );
    check("decode-unsound-layout", &layouts(), &["decode", "--layout", "unsound.yaml", "payments.txt"]);
}

#[test]
fn a_sensitive_value_is_not_shown() {
    let broken =
        std::fs::read_to_string(layouts().join("payments.txt")).unwrap().replacen("EE", "\u{e4}\u{e4}", 1);
    let decoded = piped(&["decode", "--layout", "payments.yaml", "-"], broken.as_bytes());
    let told = String::from_utf8_lossy(&decoded.stderr);
    assert!(told.contains("field `account`"), "{told}");
    assert!(told.contains("  found: 20 bytes, which are sensitive\n"), "{told}");
}

#[test]
fn what_is_decoded_is_encoded_again_byte_for_byte() {
    for (name, layout) in [
        ("payments.txt", "payments.yaml"),
        ("payments.txt.gz", "payments.yaml"),
        ("stripped.txt", "padded.yaml"),
    ] {
        let lines = portolan(&layouts(), &["decode", "--layout", layout, name]).output().unwrap();
        assert!(lines.status.success(), "{}", String::from_utf8_lossy(&lines.stderr));
        let again = piped(&["encode", "--layout", layout], &lines.stdout);
        let whole = std::fs::read(layouts().join(name.trim_end_matches(".gz"))).unwrap();
        assert_eq!(String::from_utf8(again.stdout).unwrap(), String::from_utf8(whole).unwrap(), "{name}");
    }
}

#[test]
fn standard_input_is_a_file() {
    let file = std::fs::read(layouts().join("payments.txt")).unwrap();
    let output = piped(&["decode", "--layout", "payments.yaml", "-", "--record", "trailer"], &file);
    let line = "{\"_record\":\"trailer\",\"kind\":\"T\",\"payments\":2,\"total\":1125.50}\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), line);
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    for words in
        [&["decode", "--layout", "payments.yaml", "payments.txt"][..], &["describe", "payments.yaml"]]
    {
        let status = portolan(&layouts(), words).stdout(full()).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{words:?}");
    }
}

#[test]
fn a_file_that_is_there_keeps_its_mode_and_a_device_is_written_into() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let decoded =
        portolan(&layouts(), &["decode", "--layout", "payments.yaml", "payments.txt"]).output().unwrap();
    let lines = folder.path().join("lines.json");
    std::fs::write(&lines, &decoded.stdout).unwrap();
    let encode = |output: &std::path::Path| {
        let words =
            ["encode", "--layout", "payments.yaml", "-o", output.to_str().unwrap(), lines.to_str().unwrap()];
        portolan(&layouts(), &words).stderr(Stdio::null()).status().unwrap().success()
    };
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    std::fs::write(&file, "old").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o664)).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(encode(&link));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o664);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(layouts().join("payments.txt")).unwrap());
    assert!(encode(std::path::Path::new("/dev/null")) && !encode(std::path::Path::new("/dev/full")));
    assert!(std::fs::metadata("/dev/full").unwrap().file_type().is_char_device());
}

#[test]
fn lines_that_are_no_records_are_refused() {
    let encode = |name: &str, line: &str| {
        let words = ["encode", "--layout", "payments.yaml"];
        check_with(name, &layouts(), &words, &piped(&words, line.as_bytes()));
    };
    let header = "{\"_record\":\"header\",\"bank\":\"EXAMPLBK\",\"made\":\"2026-11-29\"}\n";
    encode("encode-no-json", "nope\n");
    encode("encode-no-record", "{\"bank\":\"EXAMPLBK\"}\n");
    encode("encode-unknown-record", "{\"_record\":\"haeder\"}\n");
    encode("encode-unknown-field", &header.replace("bank", "bnak"));
    encode("encode-too-long", &header.replace("EXAMPLBK", "EXAMPLEBANK"));
    encode("encode-no-date", &header.replace("-11-", "-13-"));
    encode("encode-out-of-place", "{\"_record\":\"payment\"}\n");
    encode("encode-no-trailer", header);
    // What tells the records apart is written, and what is computed need not be given.
    let payment = "{\"_record\":\"payment\",\"account\":\"EE1\",\"amount\":12.5,\"currency\":\"EUR\"}\n";
    let trailer = "{\"_record\":\"trailer\"}\n";
    encode("encode", &format!("{header}{payment}{payment}{trailer}"));
    encode("encode-unlisted", &format!("{header}{}", payment.replace("EUR", "GBP")));
    encode("encode-too-many-digits", &format!("{header}{}", payment.replace("12.5", "123456789.5")));
    let (_kept, folder) = folder(&[
        ("payments.yaml", &std::fs::read_to_string(layouts().join("payments.yaml")).unwrap()),
        ("lines.json", header),
    ]);
    check(
        "encode-nothing-is-left",
        &folder,
        &["encode", "--layout", "payments.yaml", "--output", "out.txt", "lines.json"],
    );
    assert!(!folder.join("out.txt").exists());
}

/// The lines of two claims, of which the second one's bytes mean a house.
const CLAIMS: &str = r#"{"_record":"record","claim_number":17,"claim_kind":"C","car":{"plate":"123 ABC","damage":1250.75},"part_count":2,"parts":[{"part_name":"DOOR","price":400},{"part_name":"LAMP","price":-5}]}
{"_record":"record","claim_number":18,"claim_kind":"H","house":{"address":"7 HILL ROAD"},"part_count":0}
"#;

#[test]
fn a_copybook_is_enough() {
    let (_kept, folder) = folder(&[
        ("CLAIM.cpy", &std::fs::read_to_string(layouts().join("CLAIM.cpy")).unwrap()),
        ("lines.json", CLAIMS),
        ("remarks.json", "{\"_record\":\"record\",\"remark_number\":1,\"remark_text\":\"PAID\"}\n"),
    ]);
    let encode = |words: &[&str]| {
        let output =
            portolan(&folder, &[&["encode", "--copybook", "CLAIM.cpy"], words].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let decode = |name: &str, words: &[&str]| {
        check(name, &folder, &[&["decode", "--copybook", "CLAIM.cpy"], words].concat());
    };
    encode(&["--output", "claims.dat", "lines.json"]);
    let bytes = std::fs::read(folder.join("claims.dat")).unwrap();
    // EBCDIC; packed and binary; nothing between the records.
    assert_eq!(bytes.len(), 21 + 2 * 9 + 21);
    assert!(bytes.starts_with(b"\xF0\xF0\xF0\xF0\xF1\xF7\xC3"));
    decode("decode-copybook", &["claims.dat"]);
    decode("decode-variant", &["claims.dat", "--variant", "CAR=HOUSE", "--values-only"]);
    decode("decode-no-variant", &["claims.dat", "--variant", "CAR=PLATE"]);
    decode("decode-copybook-broken", &["claims.dat", "--encoding", "ascii"]);
    decode("decode-no-encoding", &["claims.dat", "--encoding", "cp0370"]);
    decode("decode-no-framing", &["claims.dat", "--framing", "vb"]);
    decode("decode-no-01", &["claims.dat", "--record", "CLAIMS"]);
    std::fs::write(folder.join("claims.vb"), encode(&["--framing", "rdw", "lines.json"])).unwrap();
    assert_eq!(std::fs::read(folder.join("claims.vb")).unwrap()[..5], [0, 43, 0, 0, 0xF0]);
    decode("decode-rdw", &["claims.vb", "--framing", "rdw", "--values-only"]);
    decode("decode-framed-otherwise", &["claims.vb"]);
    let words = ["--record", "REMARK", "--encoding", "ascii", "--framing", "lines"];
    let remarks = encode(&[&words[..], &["--output", "remarks.txt", "remarks.json"]].concat());
    assert!(remarks.is_empty());
    assert_eq!(std::fs::read(folder.join("remarks.txt")).unwrap(), b"000001PAID                \n");
    decode("decode-01", &[&words[..], &["remarks.txt"]].concat());
}

#[test]
fn layouts_and_copybooks_are_described() {
    let describe = |name: &str, words: &[&str]| check(name, &layouts(), &[&["describe"], words].concat());
    describe("describe-layout", &["payments.yaml"]);
    describe("describe-layout-record", &["payments.yaml", "--record", "payment"]);
    describe("describe-layout-json", &["payments.yaml", "--record", "trailer", "--format", "json"]);
    describe("describe-layout-everything", &["everything.yaml"]);
    describe("describe-layout-delimited", &["rates.yaml"]);
    describe("describe-layout-unsound", &["unsound.yaml"]);
    describe("describe-layout-no-record", &["payments.yaml", "--record", "note"]);
    describe("describe-layout-operation", &["payments.yaml", "--operation", "Pay"]);
    describe("describe-copybook", &["CLAIM.cpy"]);
    describe("describe-copybook-record", &["CLAIM.cpy", "--record", "remark"]);
    describe("describe-copybook-missing", &["NOPE.cpy"]);
    check("describe-mapping", repository(), &["describe", "mappings/population-register/get-person.yaml"]);
}

#[test]
fn layouts_and_copybooks_are_checked() {
    check("check-layout", &layouts(), &["check", "payments.yaml"]);
    check("check-copybook", &layouts(), &["check", "CLAIM.cpy"]);
    check("check-layout-unsound", &layouts(), &["check", "unsound.yaml"]);
    // A layout stays one, whatever is wrong with its YAML.
    let (_kept, twice) = folder(&[(
        "twice.yaml",
        "layout: twice\nrecords:\n  line:\n    occurs: 0..\n    fields: { a: 1-2 }\n    occurs: 1..\n",
    )]);
    check("check-layout-twice", &twice, &["check", "twice.yaml"]);
    // A copybook that others copy means nothing by itself, and is no finding of a folder.
    let (_kept, folder) = folder(&[
        (
            "l/order.yaml",
            "layout: order\nfile: { framing: fixed, record-length: 12 }\ncopybooks: { order: ORDER.cpy }\nrecords: { order: { occurs: 0.., copybook: order } }\n",
        ),
        (
            "l/ORDER.cpy",
            "       01  ORDER.\n           COPY NAME REPLACING ==:TAG:== BY ==ORDER==.\n           05  AMOUNT PIC 9(2).\n",
        ),
        ("l/NAME.cpy", "           05  :TAG:-NAME PIC X(10).\n"),
        ("l/OTHER.cob", "       01  OTHER PIC X(3) COMP-3.\n"),
    ]);
    check("check-layouts-folder", &folder, &["check", "l"]);
}

#[test]
fn each_record_of_a_file_becomes_a_message() {
    let translate = |name: &str, file: &str, more: &[&str]| {
        let mappings = ["--mappings", "record-payments.yaml"];
        let command = ["translate", "bank.record-payment", "--file", file];
        check(name, &layouts(), &[&command, &mappings[..], more].concat());
    };
    translate("translate-file", "payments.txt", &[]);
    translate("translate-file-broken", "broken.txt", &[]);
    translate("translate-file-traced", "payments.txt", &["--trace"]);
    translate("translate-file-traced-json", "broken.txt", &["--trace=json"]);
    check("check-batch", &layouts(), &["check", "record-payments.yaml", "payments.yaml"]);
}

/// Nobody watches for files where no folder is configured, and whoever has such a route is told before it runs.
#[test]
fn routes_that_take_files_need_systems_that_are_configured() {
    let check = |systems: &str| {
        let config = format!(
            "listen: {{ grpc: \"127.0.0.1:0\", http: \"127.0.0.1:0\" }}\nroutes: [ \"{}\" ]\nsystems: {{ {systems} }}\n",
            layouts().join("record-payments.yaml").display(),
        );
        let (_kept, folder) = folder(&[("portolan.yaml", &config)]);
        let checked = portolan(&folder, &["check", "--config", "portolan.yaml"]).output().unwrap();
        (checked.status.success(), String::from_utf8_lossy(&checked.stdout).into_owned())
    };
    let (sound, said) =
        check("bnak: { batch: { folder: drop } }, ledger: { grpc: { address: 'http://127.0.0.1:1' } }");
    assert!(!sound && said.contains("there is no system `bank` with a `batch:` folder"), "{said}");
    assert!(said.contains("did you mean `bnak`?"), "{said}");
    let (sound, said) =
        check("bank: { batch: { folder: drop } }, ledger: { soap: { endpoint: 'http://127.0.0.1:1' } }");
    assert!(!sound && said.contains("speaks SOAP, and the route asks it by gRPC"), "{said}");
    let (sound, said) = check("bank: { batch: { folder: drop } }");
    assert!(!sound && said.contains("is not configured"), "{said}");
}
