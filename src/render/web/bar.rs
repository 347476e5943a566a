//! A session's last day as a bar. Height and colour both tell what it was, so it reads without
//! colour, too.

use crate::model::Period;
use crate::model::SortedMap;
use crate::render::brief;
use crate::render::sanitise;
use crate::render::words::Clock;
use crate::timeline::{Piece, Shade, Track, Window, drawn};
use jiff::Timestamp;
use maud::{Markup, html};

/// Pieces that a bar has at most: five minutes each in a day.
const SLOTS: u32 = 288;
/// The size of the drawing; the page stretches it.
const WIDTH: u64 = 2880;
const HEIGHT: u32 = 20;
/// The longest cause that a tooltip shows, in characters.
const CAUSE: usize = 120;

/// The bar; nothing is drawn where nothing is known.
pub(super) fn bar(track: Option<&Track>, window: Window, clock: &Clock) -> Markup {
    let spans = track.map_or_else(Vec::new, |track| drawn(track, window, SLOTS));
    let known: Vec<&Piece> = spans
        .iter()
        .filter(|span| span.shade != Shade::Unknown)
        .collect();
    html! {
        svg class="bar" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none"
            role="img" aria-label=(in_words(&known)) {
            line x1="0" y1=(HEIGHT - 1) x2=(WIDTH) y2=(HEIGHT - 1) class="ground" {}
            @for span in &known {
                (piece(span, window, clock))
            }
        }
    }
}

fn piece(span: &Piece, window: Window, clock: &Clock) -> Markup {
    let (x, end) = (place(span.from, window), place(span.to, window));
    let (top, height) = stature(span.shade);
    let cause = sanitise::line(&span.cause, CAUSE);
    let length = brief(Period::from_millis(span.millis()));
    html! {
        rect x=(x) y=(top) width=(end.saturating_sub(x).max(6)) height=(height)
            class={ "is-" (span.shade.word()) } {
            title { (span.shade.word()) " from " (time(span.from, clock)) ", " (length) ": " (cause) }
        }
    }
}

/// Where a piece of this kind begins from above, and how high it is.
fn stature(shade: Shade) -> (u32, u32) {
    match shade {
        Shade::Working => (4, 16),
        Shade::Idle => (13, 7),
        Shade::Waiting => (4, 10),
        Shade::Blocked | Shade::Dead => (0, 20),
        Shade::Off | Shade::Unknown => (18, 2),
    }
}

fn place(at: i64, window: Window) -> u64 {
    let gone = u64::try_from(at.saturating_sub(window.from)).unwrap_or(0);
    gone.saturating_mul(WIDTH) / window.millis().max(1)
}

fn time(at: i64, clock: &Clock) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::MIN);
    let stamp = clock.stamp(at);
    stamp.get(5..16).unwrap_or(&stamp).to_owned()
}

/// `last 24 hours: working 14h, idle 9h`.
fn in_words(spans: &[&Piece]) -> String {
    let mut sums: SortedMap<Shade, u64> = SortedMap::new();
    for span in spans {
        *sums.entry(span.shade).or_default() += span.millis();
    }
    if sums.is_empty() {
        return "last 24 hours: nothing is known".to_owned();
    }
    let parts: Vec<String> = sums
        .iter()
        .rev()
        .map(|(shade, sum)| format!("{} {}", shade.word(), brief(Period::from_millis(*sum))))
        .collect();
    format!("last 24 hours: {}", parts.join(", "))
}
