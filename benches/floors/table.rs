//! The one table.

use std::fmt::Write as _;
use std::time::Duration;

/// What gtctl is compared with.
#[derive(Clone, Copy)]
pub(crate) enum Against {
    /// A fixed time.
    Limit(Duration),
    /// The least that could be done, measured; and how many times that is allowed, if anybody said.
    Floor(&'static str, Duration, Option<f64>),
    /// What people do without gtctl, measured; and how many times faster gtctl is to be.
    Peer(&'static str, Duration, Option<f64>),
    /// A count, and the most it may be.
    Count(&'static str, usize, usize),
}

/// One line.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) sessions: usize,
    pub(crate) gtctl: Duration,
    pub(crate) against: Against,
}

/// Prints them all.
pub(crate) fn print(rows: &[Row]) {
    println!(
        "{:<28} {:>7} {:>10}  {:<38} {:>10} {:>9}  goal",
        "benchmark", "n", "gtctl", "against", "its time", "ratio"
    );
    let mut last = ("", 0);
    for row in rows {
        let same = last == (row.what, row.sessions);
        last = (row.what, row.sessions);
        let (what, n, own) = if same {
            ("", String::new(), String::new())
        } else {
            (row.what, row.sessions.to_string(), time(row.gtctl))
        };
        println!("{what:<28} {n:>7} {own:>10}  {}", compared(row));
    }
}

fn compared(row: &Row) -> String {
    let own = row.gtctl.as_secs_f64();
    let mut line = String::new();
    // Writing to a String cannot fail.
    let _ = match row.against {
        Against::Limit(limit) => {
            let goal = format!("≤ {}{}", time(limit), verdict(row.gtctl <= limit));
            write!(line, "{:<38} {:>10} {:>9}  {goal}", "", "", "")
        }
        Against::Floor(name, took, most) => {
            let ratio = own / took.as_secs_f64();
            let goal = most.map_or_else(String::new, |most| {
                format!("≤ {most} ×{}", verdict(ratio <= most))
            });
            write!(
                line,
                "{:<38} {:>10} {ratio:>7.2} ×  {goal}",
                format!("floor: {name}"),
                time(took)
            )
        }
        Against::Peer(name, took, least) => {
            let ratio = took.as_secs_f64() / own;
            let goal = least.map_or_else(String::new, |least| {
                format!("1/{least} ×{}", verdict(ratio >= least))
            });
            let shown = format!("1/{ratio:.1}");
            write!(
                line,
                "{:<38} {:>10} {shown:>7} ×  {goal}",
                format!("peer: {name}"),
                time(took)
            )
        }
        Against::Count(name, count, most) => {
            write!(
                line,
                "{name:<38} {count:>10} {:>9}  ≤ {most}{}",
                "",
                verdict(count <= most)
            )
        }
    };
    line
}

fn verdict(met: bool) -> &'static str {
    if met { " met" } else { " MISSED" }
}

fn time(took: Duration) -> String {
    match took.as_secs_f64() {
        s if s < 1e-3 => format!("{:.1} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}
