//! `gtctl serve`: the town as a web page. It looks only while somebody reads, and writes nothing.

use super::agree::warn_of_others;
use super::args::{Global, Serve};
use super::asked::Answerer;
use super::board::{Board, Ledger};
use super::exit::{Exit, Trouble};
use super::looks::Looks;
use super::output::Terminal;
use super::place::Place;
use super::scene;
use super::stamps::{Change, Followed};
use super::token;
use crate::model::{Observed, WebAddress};
use crate::proc;
use crate::render::web::{ICON, May, SCRIPT, STYLE, sign_in};
use crate::render::{Colour, Detail, Paper};
use crate::store::View;
use crate::web::{Demand, Door, Guard, Offer, Secret, Served, Site, bind, content_policy};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// What readers may ask for at once. More is refused.
const ASKED_AT_ONCE: usize = 16;

pub(super) async fn run(
    global: &Global,
    args: &Serve,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, &args.town, terminal)?;
    warn_of_others(&place, terminal);
    let token = token_of(args)?;
    let random = token::random()?;
    let guard = Guard::new(&args.hosts, token.clone(), &random);
    let csrf = guard.csrf().text().to_owned();
    let door = open(&args.listen)?;
    let (asks, mut asked) = mpsc::channel(ASKED_AT_ONCE);
    let demand = Demand::default();
    let served = Served {
        guard,
        policy: content_policy(STYLE, SCRIPT),
        sign_in: sign_in(),
        icon: ICON,
        panes: args.show_panes.then(|| asks.clone()),
        actions: args.allow_actions.then(|| asks.clone()),
    };
    let site = Site::open(door, Offer::Whole(Box::new(served)), demand.clone())
        .map_err(|e| Trouble::new("cannot serve the page").because(&e))?;
    let mut ends = Ends::listen()?;
    terminal.mention(&told(&site, args, token.as_ref(), &place));
    let mut watched = Watched::new(place, global, args, csrf);
    loop {
        tokio::select! {
            () = demand.wanted() => watched.look(&site, terminal).await,
            Some(ask) = asked.recv() => watched.answerer.answer(&watched.place, ask).await,
            () = ends.next() => return Ok(Exit::Done),
        }
    }
}

/// The token that readers need. What can be done to agents or be seen of them is never for every
/// user of the host, so there is one then, whoever asked for it.
fn token_of(args: &Serve) -> Result<Option<Secret>, Trouble> {
    if let Some(file) = &args.token_file {
        return token::of_file(file).map(Some);
    }
    let listen = &args.listen;
    if listen.is_open_to_others() {
        let message = format!("other hosts can reach {listen}, and nothing asks who reads");
        return Err(Trouble::new(message)
            .help("add --token-file FILE (gtctl makes it), or listen at 127.0.0.1:7433")
            .exits(Exit::Usage));
    }
    match listen {
        WebAddress::Tcp(_) if args.show_panes || args.allow_actions => token::random().map(Some),
        WebAddress::Tcp(_) | WebAddress::Unix(_) => Ok(None),
    }
}

/// Listens there.
pub(super) fn open(listen: &WebAddress) -> Result<Door, Trouble> {
    bind(listen).map_err(|e| {
        Trouble::new(Trouble::chain(&e))
            .help("name another place with --listen, or end what listens there")
    })
}

/// Where the page is, in one or two lines.
fn told(site: &Site, args: &Serve, token: Option<&Secret>, place: &Place) -> String {
    let town = &place.town.name;
    match site.place() {
        WebAddress::Unix(path) => {
            let path = path.display();
            format!(
                "town {town} is at unix:{path}\n  from another host: ssh -L 7433:{path} HOST, then http://127.0.0.1:7433/\n"
            )
        }
        WebAddress::Tcp(address) => match (token, &args.token_file) {
            (None, _) => format!("town {town} is at http://{address}/\n"),
            (Some(_), Some(file)) => format!(
                "town {town} is at http://{address}/#TOKEN, with the token in {}\n",
                file.display()
            ),
            (Some(token), None) => {
                format!("town {town} is at http://{address}/#{}\n", token.text())
            }
        },
    }
}

/// A town that is looked at again and again.
struct Watched<'a> {
    global: &'a Global,
    args: &'a Serve,
    place: Place,
    files: Followed,
    looks: Looks,
    ledger: Ledger,
    csrf: String,
    answerer: Answerer,
    /// What was said last of a look that failed.
    trouble: Option<String>,
}

impl<'a> Watched<'a> {
    fn new(place: Place, global: &'a Global, args: &'a Serve, csrf: String) -> Self {
        Self {
            files: Followed::new(place.stamps.clone()),
            looks: Looks::default(),
            ledger: Ledger::new(&place.state),
            answerer: Answerer::new(global, &place),
            trouble: None,
            csrf,
            place,
            global,
            args,
        }
    }

    /// Looks once, for all readers. What goes wrong is said once.
    async fn look(&mut self, site: &Site, terminal: &Terminal) {
        self.heed_edits(terminal);
        let trouble = self.show(site, terminal).await.err();
        let said = trouble.map(|trouble| trouble.message);
        if let Some(why) = said.as_ref().filter(|_| said != self.trouble) {
            terminal.warn(why);
        }
        self.trouble = said;
    }

    async fn show(&mut self, site: &Site, terminal: &Terminal) -> Result<(), Trouble> {
        let view = View::of(&self.place.state);
        let survey = self.looks.next(&self.place, &view, terminal).await?;
        let books = self.place.books(&survey.memory, survey.now);
        let paper = Paper {
            colour: Colour::Off,
            detail: Detail::Short,
            ..terminal.paper(survey.now)
        };
        self.ledger.read_on(survey.now);
        let board = Board {
            scene: &scene::of_survey(&survey),
            books: &books,
            ledger: &self.ledger,
            paper: &paper,
            may: May {
                see_panes: self.args.show_panes,
                act: self.args.allow_actions,
            },
            csrf: &self.csrf,
        };
        site.show(board.snapshot());
        self.answerer.heed(&survey.observed);
        if let Observed::Unknown(why) = &survey.observed {
            let why = format!("the state of the town is unknown: {why}");
            self.looks.memory = Some(survey.memory);
            return Err(Trouble::new(why));
        }
        self.looks.memory = Some(survey.memory);
        Ok(())
    }

    /// Reads the manifest again where it was edited. One with errors changes nothing.
    fn heed_edits(&mut self, terminal: &Terminal) {
        if self.files.look(proc::clock::now()) != Change::Settled {
            return;
        }
        match Place::find_or_last_good(self.global, &self.args.town, terminal) {
            Ok(place) => {
                self.files.read_again(place.stamps.clone());
                self.looks = Looks::default();
                self.place = place;
            }
            Err(_) => self.files.read_late(),
        }
    }
}

/// The signals that end it.
struct Ends {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Ends {
    fn listen() -> Result<Self, Trouble> {
        let listen = |kind: SignalKind| {
            signal(kind).map_err(|e| Trouble::new("cannot listen for signals").because(&e))
        };
        Ok(Self {
            term: listen(SignalKind::terminate())?,
            int: listen(SignalKind::interrupt())?,
            hup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
            _ = self.hup.recv() => {}
        }
    }
}
