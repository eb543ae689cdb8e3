//! The parsers on random input: the properties that are also fuzzed, here on the stable toolchain.

#[path = "parsers/inline.rs"]
mod inline;
#[path = "parsers/reply.rs"]
mod reply;
#[path = "parsers/request.rs"]
mod request;

use proptest::collection::vec;
use proptest::prelude::*;
use request::Seen;

/// Bytes of which RESP is made, and a few others.
const ALPHABET: &[u8] = b"*$:+-~%>|=!#,(_\r\n0123456789abtfx?\"'\\ \x00\xff";

/// Bytes that look like RESP often enough: pieces of it, joined.
fn resp_like() -> impl Strategy<Value = Vec<u8>> {
    let byte = proptest::sample::select(ALPHABET);
    let piece = prop_oneof![
        4 => (proptest::sample::select(&b"*$~%>|=!"[..]), 0u8..6).prop_map(|(kind, len)| {
            format!("{}{len}\r\n", char::from(kind)).into_bytes()
        }),
        3 => (proptest::sample::select(&b":+-,#(_"[..]), "[a-z0-9]{0,4}").prop_map(|(kind, text)| {
            format!("{}{text}\r\n", char::from(kind)).into_bytes()
        }),
        2 => "[a-z]{1,5}".prop_map(|text| format!("${}\r\n{text}\r\n", text.len()).into_bytes()),
        1 => vec(byte, 0..6),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A valid reply of any type, nested at most three deep.
fn reply_frame() -> impl Strategy<Value = Vec<u8>> {
    let text = "[ -~]{0,80}";
    let leaf = prop_oneof![
        text.prop_map(|text| format!("+{text}\r\n").into_bytes()),
        text.prop_map(|text| format!("-{text}\r\n").into_bytes()),
        any::<i64>().prop_map(|value| format!(":{value}\r\n").into_bytes()),
        vec(any::<u8>(), 0..40).prop_map(|bytes| bulk(b'$', &bytes)),
        vec(any::<u8>(), 0..40).prop_map(|bytes| bulk(b'!', &bytes)),
        text.prop_map(|text| bulk(b'=', format!("txt:{text}").as_bytes())),
        any::<bool>().prop_map(|value| if value { b"#t\r\n".to_vec() } else { b"#f\r\n".to_vec() }),
        Just(b"_\r\n".to_vec()),
        (-1e9f64..1e9).prop_map(|value| format!(",{value}\r\n").into_bytes()),
        "[1-9][0-9]{20,40}".prop_map(|digits| format!("({digits}\r\n").into_bytes()),
    ];
    leaf.prop_recursive(3, 64, 6, |inner| {
        (proptest::sample::select(&b"*~%>"[..]), vec(inner, 0..6)).prop_map(|(kind, mut elements)| {
            elements.truncate(if kind == b'%' { elements.len() / 2 * 2 } else { elements.len() });
            let count = if kind == b'%' { elements.len() / 2 } else { elements.len() };
            [format!("{}{count}\r\n", char::from(kind)).into_bytes(), elements.concat()].concat()
        })
    })
}

fn bulk(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], bytes.len().to_string().as_bytes(), b"\r\n", bytes, b"\r\n"].concat()
}

/// Lengths of the pieces in which input arrives.
fn sizes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(vec![0]), vec(0u8..20, 1..6), vec(any::<u8>(), 1..4)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_agrees_with_redis_protocol(input in resp_like()) {
        request::agrees(&input);
        request::agrees(&[b"*2\r\n".to_vec(), input].concat());
    }

    #[test]
    fn commands_arrive_whole_however_they_are_cut(
        commands in vec(vec(vec(any::<u8>(), 0..60), 1..6), 0..6),
        sizes in sizes(),
    ) {
        let input: Vec<u8> = commands.iter().flat_map(|words| request::encoded(words)).collect();
        let expected: Vec<Seen> = commands.into_iter().map(Seen::Command).collect();
        prop_assert_eq!(request::connection(&[], &input, &sizes), expected);
        request::agrees(&input);
    }

    #[test]
    fn any_request_is_the_same_however_it_is_cut(input in resp_like(), sizes in sizes()) {
        request::cut_anywhere(&input, &sizes);
    }

    #[test]
    fn any_reply_agrees_with_redis_protocol(input in resp_like()) {
        reply::agrees(&input);
    }

    #[test]
    fn a_valid_reply_is_measured_whole_and_agrees(frame in reply_frame(), after in resp_like()) {
        let mut scanner = ringmaster_protocol::resp::scan::Scanner::default();
        let input = [frame.clone(), after].concat();
        prop_assert_eq!(scanner.frame(&input), Ok(Some(frame.len())));
        reply::agrees(&frame);
    }

    #[test]
    fn replies_have_the_same_lengths_however_they_are_cut(
        frames in vec(reply_frame(), 0..4),
        after in resp_like(),
        sizes in sizes(),
    ) {
        reply::cut_anywhere(&[frames.concat(), after].concat(), &sizes);
    }

    #[test]
    fn any_inline_command_is_split_by_the_rules_of_redis(
        line in vec(proptest::sample::select(&b"ab \"\"''\\\\xn4f\t\x0b\x0c\r\x00\xff"[..]), 0..24),
    ) {
        inline::agrees(&line);
    }

    #[test]
    fn any_words_can_be_sent_inline(words in vec(vec(any::<u8>(), 0..12), 0..6)) {
        inline::quoted_words_come_back(&words);
    }
}
