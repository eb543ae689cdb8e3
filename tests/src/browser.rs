//! A headless Chromium, spoken to by the DevTools protocol over a pair of pipes: what a page looks like to who opens it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::wait::{PATIENCE, eventually};

/// Where Debian has it.
const NAMES: [&str; 2] = ["chromium", "chromium-browser"];

/// A browser with one page.
pub struct Browser {
    process: Child,
    requests: File,
    messages: Receiver<Value>,
    session: Option<String>,
    next_id: u64,
    /// What the page complained of: exceptions, errors and warnings of the console, refused resources.
    complaints: Vec<String>,
    _profile: TempDir,
}

/// How the page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// CSS pixels.
    pub width: u32,
    /// CSS pixels.
    pub height: u32,
    /// The dark colours.
    pub is_dark: bool,
}

impl Browser {
    /// Starts one; `None`, and why is printed, where none is installed.
    ///
    /// # Panics
    /// It is there and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let Some(program) = find() else {
            println!("skipped: no chromium is installed (apt-get install chromium)");
            return None;
        };
        let profile = TempDir::new().expect("a directory");
        let [input, output] = ["in", "out"].map(|name| profile.path().join(name));
        let made = Command::new("mkfifo").args([&input, &output]).status().expect("mkfifo runs");
        assert!(made.success(), "no pipes");
        // The protocol is spoken over the descriptors 3 and 4.
        let script = "exec \"$0\" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
            --remote-debugging-pipe --user-data-dir=\"$1/profile\" about:blank 3<\"$1/in\" 4>\"$1/out\"";
        let process = Command::new("sh")
            .args(["-c", script])
            .arg(program)
            .arg(profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium starts");
        let requests = OpenOptions::new().write(true).open(&input).expect("its input");
        let replies = File::open(&output).expect("its output");
        let (told, messages) = channel();
        thread::spawn(move || {
            for message in BufReader::new(replies).split(0) {
                let Ok(message) = message else { return };
                let Ok(message) = serde_json::from_slice(&message) else { continue };
                if told.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            process,
            requests,
            messages,
            session: None,
            next_id: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        let target = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", &attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Runtime", "Log", "Page"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Asks, and waits for the answer.
    ///
    /// # Panics
    /// It does not answer, or with an error.
    pub fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.next_id += 1;
        let mut request = json!({ "id": self.next_id, "method": method, "params": params });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        let mut bytes = request.to_string().into_bytes();
        bytes.push(0);
        self.requests.write_all(&bytes).expect("the browser is there");
        loop {
            let message = self.messages.recv_timeout(PATIENCE).expect("the browser answers");
            if message["id"] == json!(self.next_id) {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.note(&message);
        }
    }

    fn note(&mut self, message: &Value) {
        let params = &message["params"];
        let is_complaint = match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                ["error", "warning", "assert"].contains(&params["type"].as_str().unwrap_or_default())
            }
            Some("Log.entryAdded") => {
                params["entry"]["level"] == "error" || params["entry"]["level"] == "warning"
            }
            _ => false,
        };
        if is_complaint {
            self.complaints.push(params.to_string());
        }
    }

    /// Looks at pages in this way from now on.
    pub fn look(&mut self, screen: Screen) {
        let Screen { width, height, is_dark } = screen;
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.ask("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.ask("Emulation.setEmulatedMedia", &media);
    }

    /// Opens a page.
    pub fn open(&mut self, url: &str) {
        self.ask("Page.navigate", &json!({ "url": url }));
    }

    /// The value of an expression on the page.
    ///
    /// # Panics
    /// It throws.
    pub fn value(&mut self, expression: &str) -> Value {
        let wanted = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", &wanted);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true on the page. While the page is loaded it may fail.
    ///
    /// # Panics
    /// It does not become so.
    #[track_caller]
    pub fn until(&mut self, expression: &str) {
        let patient = format!("(() => {{ try {{ return {expression}; }} catch {{ return false; }} }})()");
        eventually(expression, || self.value(&patient) == json!(true));
    }

    /// What the page complained of since the last time.
    pub fn complaints(&mut self) -> Vec<String> {
        // An answer comes behind all that was said before.
        self.value("1");
        std::mem::take(&mut self.complaints)
    }

    /// A picture of the whole page, as base64 of a PNG.
    ///
    /// # Panics
    /// There is none.
    pub fn picture(&mut self) -> String {
        let wanted = json!({ "format": "png", "captureBeyondViewport": true });
        self.ask("Page.captureScreenshot", &wanted)["data"].as_str().expect("a picture").to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let candidates = NAMES.iter().flat_map(|name| directories.iter().map(move |of| of.join(name)));
    candidates.into_iter().find(|file| file.is_file())
}
