//! A build's console, made fit for a terminal.

use bstr::ByteSlice;

use crate::secret;
use crate::text::harmless;

/// What a hidden note of Jenkins's begins with; it is a link in the browser (contract, observed 4).
const NOTE: &[u8] = b"\x1b[8mha:";
/// What it ends with.
const END_OF_NOTE: &[u8] = b"\x1b[0m";
/// Longer than any note; what does not end until then is none.
const LONGEST_NOTE: usize = 256 * 1024;
/// Longer than any colour.
const LONGEST_SEQUENCE: usize = 64;
const RESET: &str = "\x1b[0m";

/// Turns the bytes of a console into text: notes are left out, `\r\n` is `\n`, of what a terminal
/// obeys only colours stay, everything else is shown but secrets.
#[derive(Debug, Default)]
pub(super) struct Console {
    /// What may only be understood with what follows it.
    pending: Vec<u8>,
    /// What may be the beginning of a secret.
    held: String,
    coloured: bool,
    in_line: bool,
}

/// What stands at the beginning of some bytes.
enum Piece {
    /// So many bytes, to be shown as this.
    Text(usize, String),
    /// It cannot be told yet.
    Unfinished,
}

impl Console {
    /// The text of these bytes, as far as it can be told already.
    pub(super) fn take(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut text = String::with_capacity(pending.len());
        let mut rest = &pending[..];
        while !rest.is_empty() {
            let Piece::Text(length, piece) = piece(rest) else {
                break;
            };
            text.push_str(&piece);
            rest = &rest[length..];
        }
        self.pending = rest.to_vec();
        let mut text = std::mem::take(&mut self.held) + &text;
        self.held = text.split_off(secret::unfinished(&text));
        let text = secret::redact(&text).into_owned();
        self.note(&text);
        text
    }

    /// What is left at the end. The last line ends, and no colour outlives it.
    pub(super) fn end(&mut self) -> String {
        let pending = std::mem::take(&mut self.pending);
        let text = std::mem::take(&mut self.held) + &harmless(&String::from_utf8_lossy(&pending));
        let mut text = secret::redact(&text).into_owned();
        self.note(&text);
        if std::mem::take(&mut self.coloured) {
            text.push_str(RESET);
        }
        if std::mem::take(&mut self.in_line) {
            text.push('\n');
        }
        text
    }

    fn note(&mut self, text: &str) {
        if let Some(last) = text.chars().last() {
            self.in_line = last != '\n';
        }
        if let Some(at) = text.rfind('\x1b') {
            self.coloured = !text[at..].starts_with(RESET);
        }
    }
}

fn piece(bytes: &[u8]) -> Piece {
    match bytes[0] {
        b'\x1b' => sequence(bytes),
        b'\r' => line_end(bytes),
        b'\n' => Piece::Text(1, "\n".into()),
        b'\t' => Piece::Text(1, "\t".into()),
        _ => plain(bytes),
    }
}

fn sequence(bytes: &[u8]) -> Piece {
    if bytes.starts_with(NOTE) {
        if let Some(end) = bytes.find(END_OF_NOTE) {
            return Piece::Text(end + END_OF_NOTE.len(), String::new());
        }
        if bytes.len() < LONGEST_NOTE {
            return Piece::Unfinished;
        }
    }
    let shown = || Piece::Text(1, harmless("\x1b"));
    match bytes.get(1) {
        None => return Piece::Unfinished,
        Some(b'[') => {}
        Some(_) => return shown(),
    }
    let parameters = bytes[2..]
        .iter()
        .take_while(|byte| (0x20..0x40).contains(*byte))
        .count();
    let length = 2 + parameters + 1;
    match bytes.get(length - 1) {
        _ if length > LONGEST_SEQUENCE => shown(),
        // A note is told from the colour it begins with by what follows.
        None => Piece::Unfinished,
        Some(b'm') if NOTE.starts_with(bytes) => Piece::Unfinished,
        Some(b'm') => {
            let parameters = &bytes[2..length - 1];
            // 8 would hide what follows.
            let hides = parameters
                .split(|byte| *byte == b';')
                .any(|number| matches!(number, b"8" | b"08"));
            let kept = parameters
                .iter()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'));
            let colour = String::from_utf8_lossy(&bytes[..length]).into_owned();
            Piece::Text(length, if kept && !hides { colour } else { String::new() })
        }
        // It moves the cursor or clears the screen, which a console that scrolls can do without.
        Some(0x40..=0x7e) => Piece::Text(length, String::new()),
        Some(_) => shown(),
    }
}

fn line_end(bytes: &[u8]) -> Piece {
    let returns = bytes.iter().take_while(|byte| **byte == b'\r').count();
    match bytes.get(returns) {
        None => Piece::Unfinished,
        Some(b'\n') => Piece::Text(returns + 1, "\n".into()),
        // Progress that writes over itself: one line each, so that nothing hides what was there.
        Some(_) => Piece::Text(returns, "\n".into()),
    }
}

fn plain(bytes: &[u8]) -> Piece {
    let end = bytes
        .iter()
        .position(|byte| matches!(byte, b'\x1b' | b'\r' | b'\n' | b'\t'));
    let run = &bytes[..end.unwrap_or(bytes.len())];
    let whole = match ByteSlice::utf8_chunks(run).last() {
        // A character may be cut by the end of what has come.
        Some(last) if end.is_none() && last.incomplete() => &run[..run.len() - last.invalid().len()],
        _ => run,
    };
    if whole.is_empty() {
        return Piece::Unfinished;
    }
    Piece::Text(whole.len(), harmless(&String::from_utf8_lossy(whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str =
        "\x1b[8mha:////4O5nl2vE76qEuh8Ze1D2XVjOKY7FWFIO4UCze5omxyATAAAAmR+LCAAAAAAAAP9b==\x1b[0m";

    fn shown(bytes: &[u8]) -> String {
        let mut console = Console::default();
        console.take(bytes) + &console.end()
    }

    #[test]
    fn notes_are_left_out_and_lines_end_as_here() {
        let log = format!("Started by user {USER}builduser\r\n\r\n+ echo \tx\r\n");
        assert_eq!(shown(log.as_bytes()), "Started by user builduser\n\n+ echo \tx\n");
    }

    #[test]
    fn however_it_is_cut_it_is_the_same() {
        let log = format!("a {USER}b\r\n\x1b[31mrot ü €\x1b[0m\r\r\n10%\r20%\r\n");
        let log = [log.as_bytes(), b"\xfc \xc3\xbc end"].concat();
        let whole = shown(&log);
        assert_eq!(whole, "a b\n\x1b[31mrot ü €\x1b[0m\n10%\n20%\n\u{fffd} ü end\n");
        for size in 1..log.len() {
            let mut console = Console::default();
            let mut pieces: String = log.chunks(size).map(|chunk| console.take(chunk)).collect();
            pieces.push_str(&console.end());
            assert_eq!(pieces, whole, "in pieces of {size}");
        }
    }

    #[test]
    fn a_secret_is_not_shown_however_it_is_cut() {
        let _secret = secret::Secret::new("told-to-nobody".into());
        let log = b"+ curl -u ada:told-to-nobody x\ntold-to-no\ntold-to-nobody";
        for size in 1..log.len() {
            let mut console = Console::default();
            let mut pieces: String = log.chunks(size).map(|chunk| console.take(chunk)).collect();
            pieces.push_str(&console.end());
            assert_eq!(
                pieces, "+ curl -u ada:••• x\ntold-to-no\n•••\n",
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn of_what_a_terminal_obeys_only_colours_stay() {
        for (log, expected) in [
            (&b"\x1b[1;38;5;196mred\n"[..], "\x1b[1;38;5;196mred\n\x1b[0m"),
            (b"\x1b[2J\x1b[Hcleared\x1b[K\n", "cleared\n"),
            (b"\x1b[8mhidden\x1b[0m\n", "hidden\x1b[0m\n"),
            (b"\x1b]0;title\x07\n", "\\u{1b}]0;title\\u{7}\n"),
            (b"\x1b\n", "\\u{1b}\n"),
            (b"beep\x07 \xe2\x80\xae rtl\n", "beep\\u{7} \\u{202e} rtl\n"),
            (b"latin1 \xfc\xe4 x\n", "latin1 \u{fffd}\u{fffd} x\n"),
            (b"cut \xe2\x82", "cut \u{fffd}\n"),
            (b"\x1b[8mha:no end", "\\u{1b}[8mha:no end\n"),
            (b"\x1b[?25lx\n", "x\n"),
        ] {
            assert_eq!(shown(log), expected, "{}", log.escape_ascii());
        }
    }
}
