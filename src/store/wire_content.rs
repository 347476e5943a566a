//! The written form of a screen's [`Content`].

use super::text::Text;
use super::wire::At;
use crate::model::{Content, Cpu, Generation, ScreenState, Source, Title, Told};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct WireContent {
    generation: Generation,
    digest: u64,
    #[serde(default)]
    turn: u64,
    #[serde(default)]
    progress: u64,
    since: At,
    activity: i64,
    state: WireState,
    state_since: At,
    looks: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    evidence: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu: Option<WireCpu>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    background: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    commands: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<WireTold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<WireTitle>,
}

#[derive(Serialize, Deserialize)]
struct WireTold {
    by: WireSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    against: Option<WireState>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireSource {
    Text,
    Title,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireTitle {
    Found(u64),
    Own(u64),
}

#[derive(Serialize, Deserialize)]
struct WireCpu {
    used_ms: u64,
    #[serde(default)]
    client_ms: u64,
    at: At,
    resting: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireState {
    Ready,
    Busy,
    Retrying,
    AsksPermission,
    AsksTrust,
    Auth,
    Limit { resets: Option<i64> },
    Context,
    Unclear,
}

impl From<&Content> for WireContent {
    fn from(content: &Content) -> Self {
        let Content {
            generation,
            digest,
            turn,
            progress,
            since,
            activity,
            state,
            state_since,
            looks,
            evidence,
            ..
        } = content;
        let Content {
            cpu,
            background,
            commands,
            told,
            title,
            ..
        } = content;
        Self {
            generation: *generation,
            digest: *digest,
            turn: *turn,
            progress: *progress,
            since: Text(*since),
            activity: *activity,
            state: (*state).into(),
            state_since: Text(*state_since),
            looks: *looks,
            evidence: evidence.clone(),
            cpu: cpu.map(
                |Cpu {
                     used_ms,
                     client_ms,
                     at,
                     resting,
                 }| WireCpu {
                    used_ms,
                    client_ms,
                    at: Text(at),
                    resting,
                },
            ),
            background: *background,
            commands: *commands,
            told: (*told != Told::default()).then(|| (*told).into()),
            title: (*title).into(),
        }
    }
}

impl From<WireContent> for Content {
    fn from(wire: WireContent) -> Self {
        Self {
            generation: wire.generation,
            digest: wire.digest,
            turn: wire.turn,
            progress: wire.progress,
            since: wire.since.0,
            activity: wire.activity,
            state: wire.state.into(),
            state_since: wire.state_since.0,
            looks: wire.looks.min(Self::AGREEING),
            evidence: wire.evidence.chars().take(Self::MAX_EVIDENCE).collect(),
            cpu: wire.cpu.map(
                |WireCpu {
                     used_ms,
                     client_ms,
                     at,
                     resting,
                 }| Cpu {
                    used_ms,
                    client_ms,
                    at: at.0,
                    resting,
                },
            ),
            background: wire.background,
            commands: wire.commands,
            told: wire.told.map(Told::from).unwrap_or_default(),
            title: wire.title.map(Title::from).unwrap_or_default(),
        }
    }
}

impl From<Told> for WireTold {
    fn from(Told { by, against }: Told) -> Self {
        let by = match by {
            Source::Text => WireSource::Text,
            Source::Title => WireSource::Title,
        };
        Self {
            by,
            against: against.map(WireState::from),
        }
    }
}

impl From<WireTold> for Told {
    fn from(wire: WireTold) -> Self {
        let by = match wire.by {
            WireSource::Text => Source::Text,
            WireSource::Title => Source::Title,
        };
        Self {
            by,
            against: wire.against.map(ScreenState::from),
        }
    }
}

impl From<Title> for Option<WireTitle> {
    fn from(title: Title) -> Self {
        match title {
            Title::Unread => None,
            Title::Found(digest) => Some(WireTitle::Found(digest)),
            Title::Own(digest) => Some(WireTitle::Own(digest)),
        }
    }
}

impl From<WireTitle> for Title {
    fn from(wire: WireTitle) -> Self {
        match wire {
            WireTitle::Found(digest) => Self::Found(digest),
            WireTitle::Own(digest) => Self::Own(digest),
        }
    }
}

impl From<ScreenState> for WireState {
    fn from(state: ScreenState) -> Self {
        match state {
            ScreenState::Ready => Self::Ready,
            ScreenState::Busy => Self::Busy,
            ScreenState::Retrying => Self::Retrying,
            ScreenState::AsksPermission => Self::AsksPermission,
            ScreenState::AsksTrust => Self::AsksTrust,
            ScreenState::Auth => Self::Auth,
            ScreenState::Limit { resets } => Self::Limit { resets },
            ScreenState::Context => Self::Context,
            ScreenState::Unclear => Self::Unclear,
        }
    }
}

impl From<WireState> for ScreenState {
    fn from(wire: WireState) -> Self {
        match wire {
            WireState::Ready => Self::Ready,
            WireState::Busy => Self::Busy,
            WireState::Retrying => Self::Retrying,
            WireState::AsksPermission => Self::AsksPermission,
            WireState::AsksTrust => Self::AsksTrust,
            WireState::Auth => Self::Auth,
            WireState::Limit { resets } => Self::Limit { resets },
            WireState::Context => Self::Context,
            WireState::Unclear => Self::Unclear,
        }
    }
}
