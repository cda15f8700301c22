//! Code pages, judged by iconv (glibc), and by ICU's uconv where iconv lacks a page: every byte, both ways, and every character of the
//! Basic Multilingual Plane.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use portolan_formats::records::codepage::Transcoder;
use portolan_schema::layout::{Encoding, PAGES, Page, PageName};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The judge's command for one direction; what it cannot convert is left out where `skip` says so, and fails otherwise.
fn judge(page: &PageName, decode: bool, skip: bool) -> Command {
    let (from, to) = if decode { (page.iconv, "UTF-8") } else { ("UTF-8", page.iconv) };
    let mut command;
    if page.iconv.starts_with("ibm-") {
        let callback = if skip { "skip" } else { "stop" };
        command = Command::new("uconv");
        command.args(["-f", from, "-t", to, "--from-callback", callback, "--to-callback", callback]);
    } else {
        command = Command::new("iconv");
        command.args(["-f", from, "-t", to]).args(skip.then_some("-c"));
    }
    command
}

/// What the judge makes of bytes; `None` where it refuses them.
fn ask(mut command: Command, input: &[u8]) -> Option<Vec<u8>> {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = piped.spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    // It may stop reading at what it refuses.
    let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.status.success().then_some(output.stdout)
}

/// Every page whose judge is installed.
fn pages() -> impl Iterator<Item = (&'static PageName, Transcoder)> {
    let there = |tool: &str| Command::new(tool).arg("--version").output().is_ok_and(|o| o.status.success());
    let (iconv, uconv) = (there("iconv"), there("uconv"));
    PAGES.iter().enumerate().filter_map(move |(index, page)| {
        let (tool, there) = if page.iconv.starts_with("ibm-") { ("uconv", uconv) } else { ("iconv", iconv) };
        if !there {
            eprintln!("{} is not judged: there is no {tool} here (tests/install has it)", page.name);
        }
        there.then(|| (page, Transcoder::new(Encoding::Page(Page(index as u16)))))
    })
}

fn decode(transcoder: Transcoder, bytes: &[u8]) -> Option<String> {
    let mut out = String::new();
    transcoder.decode(bytes, &mut out).ok().map(|()| out)
}

fn encode(transcoder: Transcoder, text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    transcoder.encode(text, false, &mut out).ok().map(|()| out)
}

/// Bytes that mean the same as another, which is written in their place.
const READ_ONLY: [(&str, &[u8]); 2] =
    [("cp838", &[0x51, 0xCA, 0xE1, 0xFD, 0xFE]), ("cp1160", &[0x51, 0xCA, 0xE1, 0xFD])];

/// Characters that iconv writes by one that looks the same, which is done here only where transliteration is wanted.
const SIMILAR: [(&str, &[char]); 2] = [("cp114", &['\u{203E}']), ("windows-1258", &['\u{340}', '\u{341}'])];

#[test]
fn every_byte_means_what_the_judge_says() {
    for (page, transcoder) in pages() {
        // A line feed between them: iconv joins a letter and an accent that follows it.
        let (mut defined, mut expected) = (Vec::new(), String::new());
        for byte in 0..=255u8 {
            match decode(transcoder, &[byte]) {
                Some(text) if !(page.mixed && matches!(byte, 0x0E | 0x0F)) => {
                    defined.extend([byte, 0x25]);
                    expected.push_str(&text);
                    expected.push_str(&decode(transcoder, &[0x25]).unwrap());
                    let read_only =
                        READ_ONLY.iter().any(|(name, bytes)| *name == page.name && bytes.contains(&byte));
                    let written = encode(transcoder, &text);
                    assert_eq!(written.as_deref() == Some(&[byte]), !read_only, "{} {byte:02x}", page.name);
                }
                Some(_) => {}
                None => assert_eq!(ask(judge(page, true, false), &[byte]), None, "{} {byte:02x}", page.name),
            }
        }
        let judged = ask(judge(page, true, false), &defined).map(|text| String::from_utf8(text).unwrap());
        assert_eq!(judged.as_ref(), Some(&expected), "{}", page.name);
    }
}

#[test]
fn every_character_is_written_as_the_judge_writes_it() {
    let plane = (0x20..=0xFFFDu32).filter_map(char::from_u32);
    // Composed letters, of which windows-1255 and windows-1258 have the parts, are taken apart by iconv and refused here. Private
    // characters are asked for by the mixed pages below.
    for (page, transcoder) in pages().filter(|(page, _)| !page.mixed) {
        let takes_apart = ["windows-1255", "windows-1258"].contains(&page.name);
        let mut ours = Vec::new();
        let mut asked = String::new();
        for character in plane.clone() {
            let mut written = encode(transcoder, character.encode_utf8(&mut [0; 4]));
            if SIMILAR
                .iter()
                .any(|(name, similar)| page.name.starts_with(name) && similar.contains(&character))
            {
                assert_eq!(written, None, "{}", page.name);
                let mut similar = Vec::new();
                transcoder.encode(&character.to_string(), true, &mut similar).unwrap();
                written = Some(similar);
            }
            if written.is_some() || !takes_apart {
                asked.push(character);
            }
            ours.extend(written.unwrap_or_default());
        }
        // iconv leaves out what it cannot write, and says by its status that it did.
        let mut command = judge(page, false, true);
        let output = {
            let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = piped.spawn().unwrap();
            let mut stdin = child.stdin.take().unwrap();
            let writer = std::thread::spawn(move || stdin.write_all(asked.as_bytes()).ok());
            let output = child.wait_with_output().unwrap();
            writer.join().unwrap();
            output.stdout
        };
        let differs = ours.iter().zip(&output).position(|(a, b)| a != b);
        assert!(ours == output, "{}: {differs:?} of {} and {}", page.name, ours.len(), output.len());
    }
}

#[test]
fn characters_of_two_bytes_mean_what_the_judge_says() {
    for (page, transcoder) in pages().filter(|(page, _)| page.mixed) {
        let (mut bytes, mut expected, mut refused) = (vec![0x0E], String::new(), Vec::new());
        for code in 0x0100..=0xFFFFu16 {
            let [lead, trail] = code.to_be_bytes();
            if matches!(lead, 0x0E | 0x0F) {
                continue;
            }
            match decode(transcoder, &[0x0E, lead, trail, 0x0F]) {
                Some(text) => {
                    assert_eq!(
                        encode(transcoder, &text).unwrap(),
                        [0x0E, lead, trail, 0x0F],
                        "{} {code:04x}",
                        page.name
                    );
                    bytes.extend([lead, trail]);
                    expected.push_str(&text);
                }
                None => refused.push(code),
            }
        }
        bytes.push(0x0F);
        let judged = ask(judge(page, true, false), &bytes).map(|text| String::from_utf8(text).unwrap());
        assert!(judged.as_ref() == Some(&expected), "{}", page.name);
        assert!(ask(judge(page, false, false), expected.as_bytes()) == Some(bytes), "{}", page.name);
        // To ask for each of the refused would take a process each: some of them.
        for code in refused.iter().step_by(997) {
            let [lead, trail] = code.to_be_bytes();
            assert_eq!(
                ask(judge(page, true, false), &[0x0E, lead, trail, 0x0F]),
                None,
                "{} {code:04x}",
                page.name
            );
        }
    }
}
