//! What is left of a terminal's output.

use super::*;

/// The rows and the open one, parted by `/`.
fn text(input: &[u8]) -> String {
    let mut stripper = Stripper::new(0);
    stripper.feed(input);
    shown(&stripper)
}

fn shown(stripper: &Stripper) -> String {
    let rows = String::from_utf8_lossy(stripper.rows()).replace("\r\n", "\n");
    format!("{rows}{}", String::from_utf8_lossy(stripper.open())).replace('\n', "/")
}

/// Inputs and what they show.
const CASES: [(&str, &str); 42] = [
    ("plain\r\nlines\n", "plain/lines/"),
    (
        "\x1b[1;31mred\x1b[0m and \x1b[38;2;1;2;3mtrue\x1b[m",
        "red and true",
    ),
    ("\x1b[38:5:1mx\x1b[4:3my", "xy"),
    (
        "a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\",
        "ablink",
    ),
    (
        "a\x1bP1$r0m\x1b\\b\x1b_apc\x1b\\c\x1b^pm\x1b\\d\x1bXsos\x1b\\e",
        "abcde",
    ),
    ("a\x1bPsixel\nmore\x07still\x1b\\b", "ab"),
    ("a\x1b]0;never ended\nb", "ab"),
    ("\x1b(B\x1b)0\x1b#8\x1b=\x1b>\x1b Fa\x1b%Gb", "ab"),
    ("\x1b(0lqk\x1b(Bx", "---x"),
    ("\x1b)0\x0exq\x0fx", "|-x"),
    (
        "Claude\x1b[Cexit\x1b[1Ccode:\x1b[2C0",
        "Claude exit code:  0",
    ),
    ("10%\r50%\r100%\n", "100%/"),
    ("long text\rshort\x1b[K\n", "short/"),
    ("long text\rshort\n", "shorttext/"),
    ("abc\x08\x08X\n", "aXc/"),
    ("äöü\rx\n", "xöü/"),
    ("abc\rä\n", "äbc/"),
    ("abcdef\x1b[3DX", "abcXef"),
    ("ab\x1b[6Gf", "ab   f"),
    ("abcdef\x1b[2GX", "aXcdef"),
    ("one\x1b[2Ktwo", "   two"),
    ("abc\x1b[2D\x1b[1Kx", " xc"),
    ("abcdef\r\x1b[2X", "  cdef"),
    ("abcdef\r\x1b[2P", "cdef"),
    ("abc\r\x1b[2@", "  abc"),
    ("a\x1b[3b", "aaaa"),
    (
        "\x1b[5;1HClaude\x1b[5;8Hexit\x1b[6;1Hnext",
        "Claude exit/next",
    ),
    ("status\x1b[2A\x1b[Gabove", "status/above"),
    ("one\x1b[2J\x1b[Htwo", "one/two"),
    ("a\x1b[31\nmb", "a/b"),
    ("a\x1b[31\x18mb", "amb"),
    ("a\x1b[\x1b[31mb", "ab"),
    ("a\x1b[?25l\x1b[?2004h\x1b[>4;1mb", "ab"),
    ("a\x1b[!pb\x1b[2 qc", "abc"),
    ("a\0\x07\x7fb", "ab"),
    ("a\tb", "a\tb"),
    ("a\r\r\nb", "a/b"),
    ("a\n\nb", "a//b"),
    ("a\x1bMb\x1bEc", "a/b/c"),
    ("\x1b7a\x1b8b", "a/b"),
    ("\x1bkname\x1b\\x", "x"),
    ("a\x0bb", "a/b"),
];

#[test]
fn each_case() {
    for (input, wanted) in CASES {
        assert_eq!(text(input.as_bytes()), wanted, "{input:?}");
    }
}

#[test]
fn reads_may_be_cut_at_every_byte() {
    for (input, _) in CASES {
        let long = format!("{}{input}{}", "x".repeat(70), "é\r\n".repeat(40));
        let bytes = long.as_bytes();
        let mut whole = Stripper::new(5);
        whole.feed(bytes);
        for cut in 0..=bytes.len() {
            let mut parts = Stripper::new(5);
            parts.feed(&bytes[..cut]);
            parts.feed(&bytes[cut..]);
            assert_eq!(shown(&whole), shown(&parts), "{input:?} at {cut}");
        }
        let mut single = Stripper::new(5);
        for byte in bytes {
            single.feed(&[*byte]);
        }
        assert_eq!(shown(&whole), shown(&single), "{input:?}");
        let ends = |s: &Stripper| memchr::memchr_iter(b'\n', s.rows()).count();
        assert_eq!(ends(&whole), ends(&single));
        let offsets = |s: &Stripper| {
            memchr::memchr_iter(b'\n', s.rows())
                .map(|at| s.input_at(at + 1))
                .collect::<Vec<_>>()
        };
        assert_eq!(offsets(&whole), offsets(&single), "{input:?}");
    }
}

#[test]
fn ends_of_rows_are_known_in_the_input() {
    let mut stripper = Stripper::new(100);
    stripper.feed(b"ab\x1b[31mc\ndef\r\n\x1b[mg\n");
    let at = |text: &str, s: &Stripper| {
        let rows = String::from_utf8(s.rows().to_vec()).unwrap();
        s.input_at(rows.find(text).unwrap() + text.len())
    };
    assert_eq!(at("abc\n", &stripper), 109);
    assert_eq!(at("def\r\n", &stripper), 114);
    assert_eq!(at("g\n", &stripper), 119);
}

#[test]
fn rows_and_strings_are_bounded() {
    let mut stripper = Stripper::new(0);
    for _ in 0..100 {
        stripper.feed(&[b'x'; 4096]);
    }
    assert_eq!(stripper.open().len(), 64 << 10);
    stripper.feed(b"\nnext\n");
    let rows = String::from_utf8(stripper.rows().to_vec()).unwrap();
    assert!(rows.ends_with("x…\nnext\n"));
    let mut endless = Stripper::new(0);
    endless.feed(b"\x1bP");
    endless.feed(&vec![b'x'; (1 << 20) + 1]);
    endless.feed(b"y\n");
    assert_eq!(endless.rows(), b"y\n");
    let mut wide = Stripper::new(0);
    wide.feed("\x1b[99999999C".repeat(200).as_bytes());
    assert!(wide.open().len() <= 64 << 10);
}

#[test]
fn a_long_row_is_not_edited_but_costs_little() {
    let mut stripper = Stripper::new(0);
    let long = "é".repeat(5000);
    stripper.feed(format!("{long}\r{long}\r{long}\r\n").as_bytes());
    assert!(stripper.rows() == format!("{long}\n{long}\n{long}\r\n").as_bytes());
}

#[test]
fn any_bytes_are_survived_alike_in_any_pieces() {
    let mut seed: u64 = 7;
    let mut next = |n: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % n
    };
    let alphabet =
        b"\x1b\x1b\x1b[[;;0123456789ABCDEFGHJKPXbdfm?]P\\\x07\x18\r\r\n\n\n\t\x08\x0e\x0fabcxyz  \0\0\xc3\xa9\xff";
    for _ in 0..2000 {
        let length = next(400);
        let input: Vec<u8> = (0..length)
            .map(|_| alphabet[next(alphabet.len())])
            .collect();
        let mut whole = Stripper::new(0);
        whole.feed(&input);
        let mut parts = Stripper::new(0);
        let mut rest = input.as_slice();
        while !rest.is_empty() {
            let (part, after) = rest.split_at(1 + next(rest.len()));
            parts.feed(part);
            rest = after;
        }
        assert_eq!(
            shown(&whole),
            shown(&parts),
            "{:?}",
            String::from_utf8_lossy(&input)
        );
    }
}
