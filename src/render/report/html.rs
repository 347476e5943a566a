//! The report as one page: the numbers, the picture, and nothing that runs.

use super::text::{Figure, head, period};
use super::{PeriodReport, picture};
use maud::{DOCTYPE, PreEscaped, html};

const STYLE: &str = "\
body{margin:2rem auto;max-width:1200px;padding:0 1rem;background:#fff;color:#1d1f21;\
font:15px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-variant-numeric:tabular-nums}\
h1{margin:0;font-size:1.5rem;font-weight:650}p{margin:.25rem 0 1.5rem;color:#62666b}\
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:1rem 1.5rem;margin:0 0 1.75rem}\
dt{color:#62666b;font-size:.8125rem;font-weight:600}dd{margin:0}\
dd b{display:block;font-size:1.375rem;font-weight:600}dd small{color:#62666b;font-size:.8125rem}\
svg{width:100%;height:auto}@media print{body{margin:0}}";

/// The page.
#[must_use]
pub fn html(report: &PeriodReport<'_>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (report.town) ": report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (report.town) }
                p { (period(report)) }
                dl {
                    @for Figure { name, value, note } in head(report) {
                        div {
                            dt { (name) }
                            dd { b { (value) } small { (note) } }
                        }
                    }
                }
                (PreEscaped(picture(report)))
            }
        }
    };
    page.into_string()
}
