//! As many pieces as a picture can show.

use super::{Piece, Shade, Track, Window};
use crate::model::SortedMap;

/// The same time in at most `slots` pieces of equal length, neighbours that are alike joined.
///
/// A slot shows what the session was for the longest part of it. A death shows however short it
/// was.
#[must_use]
pub fn drawn(track: &Track, window: Window, slots: u32) -> Vec<Piece> {
    let mut drawn: Vec<Piece> = Vec::new();
    let mut rest = track.spans.as_slice();
    for slot in 0..slots.max(1) {
        let (from, to) = (edge(window, slots, slot), edge(window, slots, slot + 1));
        while let [first, more @ ..] = rest
            && first.to <= from
        {
            rest = more;
        }
        let Some(shown) = shown_in(rest, from, to) else {
            continue;
        };
        match drawn.last_mut() {
            Some(last) if last.shade == shown.shade => last.to = to,
            Some(_) | None => drawn.push(Piece {
                from,
                to,
                shade: shown.shade,
                cause: shown.cause.clone(),
            }),
        }
    }
    drawn
}

/// Where a slot begins.
fn edge(window: Window, slots: u32, slot: u32) -> i64 {
    let part = u128::from(window.millis()) * u128::from(slot) / u128::from(slots.max(1));
    window
        .from
        .saturating_add(i64::try_from(part).unwrap_or(i64::MAX))
}

/// The piece that stands for a slot.
fn shown_in(spans: &[Piece], from: i64, to: i64) -> Option<&Piece> {
    let within = || spans.iter().take_while(|span| span.from < to);
    if let Some(dead) = within().find(|span| span.shade == Shade::Dead) {
        return Some(dead);
    }
    let mut lengths: SortedMap<Shade, u64> = SortedMap::new();
    for span in within() {
        let length = span.to.min(to).abs_diff(span.from.max(from));
        *lengths.entry(span.shade).or_default() += length;
    }
    let (longest, _) = lengths.into_iter().max_by_key(|(_, length)| *length)?;
    within().find(|span| span.shade == longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: i64, shade: Shade) -> Piece {
        Piece {
            from,
            to,
            shade,
            cause: String::new(),
        }
    }

    #[test]
    fn a_thousand_flips_become_few_pieces_and_a_death_stays() {
        let mut spans: Vec<Piece> = (0..1000)
            .map(|n| {
                let shade = if n % 3 == 0 {
                    Shade::Idle
                } else {
                    Shade::Working
                };
                span(n * 10, n * 10 + 10, shade)
            })
            .collect();
        spans[500].shade = Shade::Dead;
        let track = Track {
            spans,
            ticks: Vec::new(),
        };
        let window = Window {
            from: 0,
            to: 10_000,
        };
        let shades: Vec<Shade> = drawn(&track, window, 100)
            .iter()
            .map(|span| span.shade)
            .collect();
        assert_eq!(shades, [Shade::Working, Shade::Dead, Shade::Working]);
    }
}
