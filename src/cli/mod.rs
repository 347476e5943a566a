//! The command line: what was typed, what it means, and one short file per verb.
//!
//! **Architecture invariant:** only this room decides on exit codes, and only this room prints.

mod above;
mod adopt;
mod agree;
mod answer;
mod apply;
mod args;
mod ask;
mod asked;
mod attach;
mod board;
mod by_hand;
mod chore;
mod complete;
mod config;
mod diff;
mod docs;
mod doctor;
mod elsewhere;
mod events;
mod exit;
mod explain;
mod farewell;
mod fleet;
mod forecast;
mod found;
mod guard;
mod habits;
mod hook;
mod import;
mod import_files;
mod includes;
mod init;
mod last_good;
mod logs;
mod looks;
mod manifest;
mod metrics;
mod move_server;
mod nudge;
mod others;
mod output;
mod own;
mod part;
mod place;
mod reconcile;
mod record;
mod report;
mod scene;
mod schema;
mod select;
mod serve;
mod service;
mod service_ends;
#[cfg(feature = "etcd")]
mod shared;
#[cfg(not(feature = "etcd"))]
#[path = "no_shared.rs"]
mod shared;
mod since;
mod sink;
mod sites;
mod stamps;
mod states;
mod status;
mod token;
mod told;
mod top;
mod town_server;
mod validate;
mod verify;
mod wait;
mod work;

use crate::model::Request;
use crate::proc;
use args::{ChoreVerb, Cli, ConfigVerb, Output, Verb};
use exit::{Exit, Trouble};
use output::Terminal;
use std::ffi::OsString;
use std::process::ExitCode;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub use top::LiveScreen;

/// Bytes of stack that every verb has, whatever the limit on that of the main thread.
const STACK: usize = 8 << 20;
/// Bytes of stack that are enough for any verb.
const ENOUGH_STACK: u64 = 2 << 20;

/// Runs the command line of this process, to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    if proc::own::stack_limit().is_none_or(|limit| limit >= ENOUGH_STACK) {
        return run_words();
    }
    // The mask of signals is a thread's own, and the main thread would still take them.
    sink::block_signals_of(std::env::args_os());
    let on_its_own_stack = std::thread::Builder::new()
        .name("gtctl".to_owned())
        .stack_size(STACK)
        .spawn(run_words);
    match on_its_own_stack {
        Ok(verb) => verb
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        // No further thread, or no room for its stack: that of the main thread has to do.
        Err(_) => run_words(),
    }
}

fn run_words() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if hook::is_asked(&words) {
        hook::run(&words);
        return ExitCode::SUCCESS;
    }
    if complete::is_asked() {
        return complete::run(words).into();
    }
    let cli = match Cli::of(&words) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &words),
    };
    if let Verb::Sink(args) = &cli.verb {
        return sink::run(args).into();
    }
    if let Verb::Guard { verb } = &cli.verb {
        return guard::run(&cli.global, verb).into();
    }
    output::start_log(cli.global.verbose);
    let terminal = Terminal::new(&cli.global);
    let exit = match runtime() {
        Ok(runtime) => runtime.block_on(async {
            let _caught = survive_full_files();
            Box::pin(run(&cli, &terminal)).await
        }),
        Err(trouble) => Err(trouble),
    };
    match exit {
        Ok(exit) => exit.into(),
        Err(trouble) => {
            terminal.complain(&trouble);
            trouble.exit().into()
        }
    }
}

/// Files that any verb may have open at once beside those it was started with: the runtime's own, a
/// call to tmux with its pipes, the manifest, the locks and the state.
const FILES: usize = 24;

/// What runs the verbs. It takes for granted that it can open what it needs, so that is seen to
/// first.
fn runtime() -> Result<Runtime, Trouble> {
    proc::fd_limit::files(FILES).map_err(|source| {
        Trouble::new(format!(
            "gtctl needs {FILES} open files, but the limit is lower"
        ))
        .because(&source)
        .help("`ulimit -n 1024` raises the limit")
    })?;
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    built.map_err(|source| Trouble::new("cannot start the runtime").because(&source))
}

/// Has a write beyond the limit of a file's size fail as on a full disk, where SIGXFSZ would end
/// us. It is caught and not ignored, for what is ignored stays so in every program that we start.
fn survive_full_files() -> std::io::Result<Signal> {
    signal(SignalKind::from_raw(nix::libc::SIGXFSZ))
}

async fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit, Trouble> {
    let global = &cli.global;
    refuse_pictures(cli)?;
    refuse_other_hosts(cli)?;
    match &cli.verb {
        Verb::Apply(args) => Box::pin(apply::run(global, args, terminal)).await,
        Verb::Diff(args) => diff::run(global, args, terminal).await,
        Verb::Reconcile(args) => Box::pin(reconcile::run(global, args, terminal)).await,
        Verb::Status(args) => Box::pin(status::run(global, args, terminal)).await,
        Verb::Top(args) => Box::pin(top::run(global, args, terminal)).await,
        Verb::Forecast(args) => forecast::run(global, args, terminal).await,
        Verb::Record(args) => record::run(global, args, terminal),
        Verb::Replay(args) => record::replay(global, args, terminal),
        Verb::Explain(args) => explain::run(global, args, terminal).await,
        Verb::Expire(args) => by_hand::expire(global, args, terminal).await,
        Verb::Start(args) => by_hand::run(global, args, Request::Start, terminal).await,
        Verb::Stop(args) => by_hand::run(global, args, Request::Stop, terminal).await,
        Verb::Restart(args) => by_hand::run(global, &args.sessions, args.request(), terminal).await,
        Verb::Down(args) => by_hand::down(global, args, terminal).await,
        Verb::Reset(args) => by_hand::run(global, args, Request::Reset, terminal).await,
        Verb::Chore {
            verb: ChoreVerb::Run(args),
        } => chore::run(global, args, terminal).await,
        Verb::MoveServer(args) => Box::pin(move_server::run(global, args, terminal)).await,
        Verb::Pause(args) => by_hand::pause(global, args, true, terminal).await,
        Verb::Resume(args) => by_hand::pause(global, args, false, terminal).await,
        Verb::Adopt(args) => Box::pin(adopt::run(global, args, terminal)).await,
        Verb::Nudge(args) => nudge::run(global, args, terminal).await,
        Verb::Answer(args) => Box::pin(answer::run(global, args, terminal)).await,
        Verb::Attach(args) => attach::run(global, args, terminal).await,
        Verb::Events(args) => events::run(global, args, terminal).await,
        Verb::Logs(args) => logs::run(global, args, terminal).await,
        Verb::Verify(args) => verify::run(global, args, terminal).await,
        Verb::Wait(args) => wait::run(global, args, terminal).await,
        Verb::Import(args) => import::run(global, args, terminal).await,
        Verb::Hosts(args) => Box::pin(fleet::hosts(global, args.verb.as_ref(), terminal)).await,
        Verb::Doctor(args) => doctor::run(global, args, terminal).await,
        Verb::Init(args) => init::run(global, args, terminal),
        Verb::Validate(args) => validate::run(global, args, terminal),
        Verb::Config {
            verb: ConfigVerb::Show(args),
        } => config::show(global, args, terminal),
        Verb::Schema(args) => schema::run(args, terminal),
        Verb::Report(args) => report::run(global, args, terminal),
        Verb::Serve(args) => Box::pin(serve::run(global, args, terminal)).await,
        Verb::Metrics(args) => metrics::run(global, args, terminal).await,
        Verb::Service(args) => service::run(global, args, terminal).await,
        Verb::Completions(args) => docs::completions(args, terminal),
        Verb::Man(args) => docs::man(args, terminal),
        Verb::Sink(args) => Ok(sink::run(args)),
        Verb::Guard { verb } => Ok(guard::run(global, verb)),
    }
}

/// Only some verbs go to other hosts.
fn refuse_other_hosts(cli: &Cli) -> Result<(), Trouble> {
    if cli.global.on.is_empty() || fleet::can_go(&cli.verb) {
        return Ok(());
    }
    Err(Trouble::new("this verb is about this host alone")
        .help("leave out `--on`, or run it there by ssh")
        .exits(Exit::Usage))
}

/// Only some verbs draw.
fn refuse_pictures(cli: &Cli) -> Result<(), Trouble> {
    let is_drawn = match (cli.global.output, &cli.verb) {
        (Output::Text | Output::Wide | Output::Json, _) => true,
        (Output::Toml, verb) => matches!(verb, Verb::Config { .. }),
        (Output::Html, verb) => matches!(verb, Verb::Report(_)),
        (Output::Svg, verb) => matches!(verb, Verb::Report(_) | Verb::Forecast(_)),
    };
    if is_drawn {
        return Ok(());
    }
    if cli.global.output == Output::Toml {
        return Err(Trouble::new("this verb prints no TOML")
            .help("`gtctl config show -o toml` does")
            .exits(Exit::Usage));
    }
    Err(Trouble::new("this verb draws no such picture")
        .help("`gtctl report -o html`, `gtctl report -o svg` and `gtctl forecast -o svg` do")
        .exits(Exit::Usage))
}

/// Help and version are no faults; everything else is usage.
fn usage(error: &clap::Error, words: &[OsString]) -> ExitCode {
    let hint = habits::hint(error, words);
    if error.use_stderr() && output::is_json_asked(words) {
        output::complain_as_json(&habits::trouble(error, hint));
        return Exit::Usage.into();
    }
    if let Some(hint) = hint {
        let trouble = habits::trouble(error, Some(hint));
        output::complain_plainly(&trouble);
        return Exit::Usage.into();
    }
    let printed = error.print();
    let lost = printed.is_err_and(|fault| fault.kind() != std::io::ErrorKind::BrokenPipe);
    match (error.use_stderr(), lost) {
        (true, _) => Exit::Usage.into(),
        (false, true) => Exit::Failed.into(),
        (false, false) => Exit::Done.into(),
    }
}
