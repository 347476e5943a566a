//! The forms of `env_file`, and what is wrong with others.

use super::tests::given;

/// The paths of a session with this `env_file`, those of optional files with a `?`.
fn files(written: &str) -> Result<Vec<String>, String> {
    let head = "[town]\nname = \"a\"\n[defaults]\nenv_file = \"/of-all\"\n";
    let text = format!("{head}[[session]]\nsession = \"x\"\ncommand = [\"run\"]\n{written}\n");
    let town = match given(&text).load() {
        Ok(loaded) => loaded.town,
        Err(faults) => return Err(format!("{:?}", faults.list)),
    };
    let told = town.sessions["x"].env_files.iter().map(|file| {
        let mark = if file.optional { "?" } else { "" };
        format!("{}{mark}", file.path.display())
    });
    Ok(told.collect())
}

#[test]
fn one_file_a_table_and_a_list_of_both() {
    let cases: [(&str, &[&str]); 6] = [
        ("", &["/of-all"]),
        ("env_file = []", &[]),
        ("env_file = \"/{session}.env\"", &["/x.env"]),
        ("env_file = { path = \"/b\", optional = true }", &["/b?"]),
        ("env_file = { path = \"/b\" }", &["/b"]),
        (
            "env_file = [\"/b\", { path = \"/a\", optional = true }, \"/b\"]",
            &["/b", "/a?", "/b"],
        ),
    ];
    for (written, expected) in cases {
        assert_eq!(files(written).expect(written), expected, "{written}");
    }
}

#[test]
fn other_forms_are_faults_that_say_what_to_write() {
    let many = format!("env_file = [{}]", "\"/a\", ".repeat(17));
    let cases = [
        ("env_file = 3", "optional = true"),
        ("env_file = [3]", "optional = true"),
        ("env_file = { optional = true }", "it has no path"),
        ("env_file = { path = \"/a\", must = 1 }", "must"),
        ("env_file = [\"/a\", \"\"]", "empty-path"),
        ("env_file = [\"/{nobody}\"]", "unknown-template"),
        (many.as_str(), "17 files"),
    ];
    for (written, part) in cases {
        let fault = files(written).expect_err(written);
        assert!(fault.contains(part), "{written}: {fault}");
    }
}
