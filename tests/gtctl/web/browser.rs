//! The page in a real browser: headless Chromium, driven by its driver.

use super::site::Site;
use crate::harness::{PATIENCE, QUICK, Yard, sleeper};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A screen that would run a script if it were HTML.
const HOSTILE: &str = "[[session]]\nsession = \"evil\"\ncommand = [\"sh\", \"-c\", \"echo '<script>document.title=1</script>'; exec sleep 1000\"]\n";
/// A phone, in CSS pixels.
const PHONE: (u32, u32) = (390, 844);
const DESK: (u32, u32) = (1280, 900);

/// A chromedriver and a session of it.
struct Browser {
    driver: Child,
    base: String,
    session: String,
}

impl Browser {
    /// A window of this size; none where there is no Chromium, which it says loudly.
    fn open((width, height): (u32, u32)) -> Option<Self> {
        if !is_installed("chromedriver") || !is_installed("chromium") {
            eprintln!(
                "SKIPPED, LOUDLY: no Chromium, so the page was not tried in a browser; \
                 `apt-get install chromium chromium-driver` installs it"
            );
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut browser = Self {
            driver,
            base: format!("http://127.0.0.1:{port}"),
            session: String::new(),
        };
        crate::harness::until("chromedriver", || browser.ask("/status").is_some());
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ];
        let opened = browser.post(
            "/session",
            &json!({"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {"args": args},
            }}}),
        );
        browser.session = format!("/session/{}", opened["sessionId"].as_str().unwrap());
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1,
                             "mobile": width < 600});
        browser.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        Some(browser)
    }

    fn ask(&self, path: &str) -> Option<Value> {
        let answer = ureq::get(format!("{}{path}", self.base)).call().ok()?;
        serde_json::from_reader(answer.into_body().into_reader()).ok()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = ureq::post(format!("{}{path}", self.base))
            .header("Content-Type", "application/json")
            .send(body.to_string())
            .unwrap_or_else(|e| panic!("{path}: {e}"));
        let answer: Value = serde_json::from_reader(answer.into_body().into_reader()).unwrap();
        answer["value"].clone()
    }

    fn in_session(&self, path: &str, body: &Value) -> Value {
        self.post(&format!("{}{path}", self.session), body)
    }

    fn devtools(&self, command: &str, params: &Value) {
        self.in_session(
            "/goog/cdp/execute",
            &json!({"cmd": command, "params": params}),
        );
    }

    fn go(&self, site: &Site) {
        let url = format!("http://{}/#{}", site.address, site.token);
        self.in_session("/url", &json!({ "url": url }));
        self.until(
            "the page",
            "return document.getElementById('link')?.textContent === 'live'",
        );
    }

    fn run(&self, script: &str) -> Value {
        self.in_session("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until a script returns true.
    #[track_caller]
    fn until(&self, what: &str, script: &str) {
        let begun = Instant::now();
        while self.run(script) != true {
            assert!(begun.elapsed() < PATIENCE, "{what}: {}", self.page());
            std::thread::sleep(Duration::from_millis(50));
        }
        println!("{what} after {:?}", begun.elapsed());
    }

    fn page(&self) -> String {
        self.run("return document.body.innerText").to_string()
    }

    /// Everything of the console that is an error or a warning.
    fn complaints(&self) -> Vec<Value> {
        let log = self.in_session("/se/log", &json!({"type": "browser"}));
        let lines = log.as_array().cloned().unwrap_or_default();
        let is_bad = |line: &Value| line["level"] == "SEVERE" || line["level"] == "WARNING";
        lines.into_iter().filter(is_bad).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the Chromium that belongs to the session.
        let _ = ureq::delete(format!("{}{}", self.base, self.session)).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).exists())
}

#[test]
fn the_page_shows_a_killed_agent_and_no_screen_can_write_to_it() {
    let Some(browser) = Browser::open(DESK) else {
        return;
    };
    let yard = Yard::new(&format!("{QUICK}{HOSTILE}{}", sleeper("one", "")));
    yard.gtctl(&["apply"]).exits(0);
    let site = Site::of(&yard, &["--show-panes"]);
    browser.go(&site);
    assert_eq!(
        browser.run("return location.hash"),
        "",
        "the token has left the address"
    );
    assert_eq!(
        browser.run("return document.cookie"),
        "",
        "scripts cannot read the cookie"
    );

    browser.run("document.querySelector('#s-evil details').open = true");
    let shown = "return document.querySelector('#s-evil .pane').textContent.includes('<script>document.title=1')";
    browser.until("the screen", shown);
    assert_eq!(browser.run("return document.title"), yard.town.as_str());
    assert_eq!(
        browser.run("return document.querySelectorAll('.pane script').length"),
        0
    );

    yard.kill(yard.pid("one"));
    browser.until(
        "the death",
        "return document.querySelector('#needs #s-one .phase')?.textContent === 'dead'",
    );
    assert_eq!(
        browser.run("return document.querySelector('#s-evil details').open"),
        true
    );
    // The policy holds: neither a script nor a style that is not the page's own.
    browser.run("const s = document.createElement('script'); s.textContent = 'window.bad = 1'; document.body.append(s)");
    assert_eq!(browser.run("return window.bad ?? null"), Value::Null);
    let complaints = browser.complaints();
    assert!(
        complaints.iter().all(|line| line["message"]
            .to_string()
            .contains("Content Security Policy")),
        "{complaints:?}"
    );
}

#[test]
fn the_page_fits_a_phone_and_complains_of_nothing() {
    let Some(browser) = Browser::open(PHONE) else {
        return;
    };
    let long = "[[session]]\nsession = \"a-name-that-is-rather-long-for-the-screen-of-a-phone\"\ncommand = [\"no-such-program-anywhere\"]\n";
    let yard = Yard::new(&format!("{QUICK}{long}{}", sleeper("one", "")));
    yard.gtctl(&["apply", "--timeout", "2s"]);
    let site = Site::of(&yard, &["--show-panes", "--allow-actions"]);
    browser.go(&site);
    browser
        .run("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
    let wide = browser.run("return document.documentElement.scrollWidth - innerWidth");
    assert_eq!(wide, 0, "{}", browser.page());
    // Everything that can be used has a name for those who do not see it.
    let nameless = "return [...document.querySelectorAll('button, input, svg[role=img], [tabindex]')].filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).length";
    assert_eq!(browser.run(nameless), 0);
    browser.until(
        "some looks",
        "window.n = (window.n ?? 0) + 1; return window.n > 30",
    );
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}
