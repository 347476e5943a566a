//! The whole page.

use super::WebScene;
use super::parts::WebParts;
use crate::render::Clock;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The one style of the page.
pub const STYLE: &str = include_str!("style.css");
/// The one script of the page.
pub const SCRIPT: &str = include_str!("script.js");
/// The icon of the page.
pub const ICON: &str = include_str!("icon.svg");

/// The page with its parts in their places. `csrf` is what it sends with an action.
#[must_use]
pub fn document(web: &WebScene<'_>, parts: &WebParts, csrf: &str) -> String {
    let town = web.scene.town.name.as_str();
    let place = |name: &str| -> Markup {
        let parts = parts.get(name).into_iter().flatten();
        html! { @for part in parts { (PreEscaped(&part.html)) } }
    };
    let body = html! {
        header {
            h1 { (town) }
            p #link role="status" aria-live="polite" { "live" }
        }
        div #head { (place("head")) }
        main {
            section aria-labelledby="needs-title" {
                div #needs-head { (place("needs-head")) }
                ul #needs class="sessions" { (place("needs")) }
            }
            section aria-labelledby="rest-title" {
                div #rest-head { (place("rest-head")) }
                ul #rest class="sessions" { (place("rest")) }
                (legend(&web.paper.clock))
            }
            div #chores { (place("chores")) }
            section aria-labelledby="events-title" {
                h2 #events-title { "Last events" }
                ol #events class="events" { (place("events")) }
            }
        }
    };
    whole(town, csrf, &body)
}

/// What the bars mean, once for all of them.
fn legend(clock: &Clock) -> Markup {
    html! {
        p class="legend" {
            "Last 24 hours, until " (clock.time(clock.now)) ": "
            @for (class, word) in [
                ("working", "working"), ("idle", "idle"), ("waiting", "waiting"),
                ("blocked", "blocked"), ("dead", "dead"), ("off", "at rest"),
            ] {
                span class={ "key is-" (class) } { i aria-hidden="true" {} (word) } " "
            }
        }
    }
}

/// The page of those who lack the token.
#[must_use]
pub fn sign_in() -> String {
    let body = html! {
        main {
            form #sign-in {
                h1 { "gtctl" }
                label for="token" { "Token" }
                input #token type="password" autocomplete="current-password" required;
                button type="submit" { "Open" }
                p role="status" aria-live="polite" #sign-in-says {
                    "It is the part after # in the address that gtctl serve printed."
                }
            }
        }
    };
    whole("gtctl", "", &body)
}

fn whole(title: &str, csrf: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="csrf" content=(csrf);
                title { (title) }
                link rel="icon" type="image/svg+xml" href="/icon.svg";
                style { (PreEscaped(STYLE)) }
            }
            body {
                (body)
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}
