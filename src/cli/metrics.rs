//! `gtctl metrics`: the town in numbers.

use super::args::{Global, TownArg};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use super::scene;
use crate::model::Orders;
use crate::observe::Depth;
use crate::render::metrics as page;

pub(super) async fn run(
    global: &Global,
    args: &TownArg,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, args, terminal)?;
    let survey = place
        .survey(Orders::default(), Depth::Plan, terminal)
        .await?;
    let books = place.books(&survey.memory, survey.now);
    terminal.print(&page::page(&scene::of_survey(&survey), &books));
    // One of the numbers says whether the look succeeded.
    Ok(Exit::Done)
}
