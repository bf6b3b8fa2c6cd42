//! A terminal on which somebody answers each question as it comes; `script` makes it.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::support::{Ran, Repository, program, wait_for};

pub struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// The tool with these arguments on a terminal.
    pub fn of(repository: &Repository<'_>, arguments: &str, change: impl FnOnce(&mut Command)) -> Self {
        let line = format!("'{}' {arguments}", program().display());
        Self::line(repository, &line, change)
    }

    /// A line of the shell on a terminal.
    pub fn line(repository: &Repository<'_>, line: &str, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = repository.home.command("script", &repository.folder);
        command
            .args(["-q", "-e", "-c", line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        change(&mut command);
        let mut child = command.spawn().expect("script starts");
        let keyboard = child.stdin.take().expect("a pipe");
        let mut output = child.stdout.take().expect("a pipe");
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&screen);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
                shown.lock().expect("no panic").push_str(&text);
            }
        });
        Self {
            child,
            keyboard,
            screen,
            reader,
        }
    }

    pub fn screen(&self) -> String {
        self.screen.lock().expect("no panic").clone()
    }

    /// Waits until this stands on the screen.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        wait_for(&format!("{text:?} on the screen"), || {
            self.screen().contains(text).then_some(())
        });
    }

    /// Waits for a question, and answers it.
    #[track_caller]
    pub fn answer(&mut self, question: &str, answer: &str) {
        self.shows(question);
        self.press(&format!("{answer}\n"));
    }

    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("typed");
        self.keyboard.flush().expect("typed");
    }

    /// What all of it came to; the screen is its stdout.
    pub fn end(mut self) -> Ran {
        let status = self.child.wait().expect("it ends");
        drop(self.keyboard);
        self.reader.join().expect("no panic");
        let screen = self.screen.lock().expect("no panic").replace("\r\n", "\n");
        Ran {
            code: status.code().unwrap_or(-1),
            stdout: screen,
            stderr: String::new(),
        }
    }
}
