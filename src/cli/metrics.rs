//! `gtctl metrics`: the town in numbers.

use super::args::{Global, TownArg};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use crate::controller::Survey;
use crate::model::Orders;
use crate::observe::Depth;
use crate::render::{Scene, metrics as page};

pub(super) async fn run(
    global: &Global,
    args: &TownArg,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, args, terminal)?;
    let Survey {
        now,
        town,
        observed,
        memory,
        plan,
        notices: _,
    } = place
        .survey(Orders::default(), Depth::Plan, terminal)
        .await?;
    let scene = Scene {
        town: &town,
        observed: &observed,
        memory: &memory,
        plan: &plan,
        now,
    };
    terminal.print(&page::page(&scene, &place.books(&memory, now)));
    // That the town could not be looked at is one of the numbers.
    Ok(Exit::Done)
}
