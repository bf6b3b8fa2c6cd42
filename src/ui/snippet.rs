//! A mistake in a file: where it is, the line itself, and what to write instead.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet as Source};

use crate::secret::{redact, redact_in_place};
use crate::text::harmless;

/// What is shown of a mistake.
#[derive(Debug, Clone, Copy)]
pub struct Snippet<'a> {
    /// What is wrong.
    pub message: &'a str,
    /// The file, as it is called in messages.
    pub origin: &'a str,
    /// The line's number, counted from 1.
    pub line: usize,
    /// The line's text, secrets masked.
    pub text: &'a str,
    /// Where in the text, in characters: first and length.
    pub span: (usize, usize),
    /// What to write instead.
    pub help: Option<&'a str>,
}

impl Snippet<'_> {
    pub(super) fn render(&self) -> String {
        // Of one character each, so that the span still fits.
        let text: String = redact_in_place(self.text)
            .chars()
            .map(|c| {
                if c.is_control() && c != '\t' {
                    '\u{fffd}'
                } else {
                    c
                }
            })
            .collect();
        let position = |index: usize| {
            text.char_indices()
                .nth(index)
                .map_or(text.len(), |(byte, _)| byte)
        };
        let (first, length) = self.span;
        let span = position(first)..position(first.saturating_add(length));
        // A line that is too long is cut, and a secret in it with it.
        let message = harmless(&redact(self.message));
        let help = self.help.map(super::harmless_lines);
        let source = Source::source(&text)
            .line_start(self.line)
            .path(self.origin)
            .annotation(AnnotationKind::Primary.span(span));
        let mut group = Group::with_title(Level::ERROR.primary_title(&message)).element(source);
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(help));
        }
        Renderer::styled().render(&[group])
    }
}
