//! Ways in which a server, or what stands in front of it, misbehaves.

use std::fmt;
use std::time::Duration;

use crate::http::Answer;
use crate::recorded::RecordedRequest;

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum FaultAction {
    /// The answer comes, but so much later.
    Delay(Duration),
    /// No answer comes until the client gives up or the server stops.
    Hold {
        /// Whether the request took effect.
        processed: bool,
    },
    /// The connection is closed when the head of the request has come; the body stays unread, nothing takes effect.
    CloseUnread,
    /// The connection is closed after the whole request was read, without a byte of an answer.
    CloseUnanswered {
        /// Whether the request took effect.
        processed: bool,
    },
    /// The request takes effect; the connection is closed in the middle of the answer's head.
    CloseInHead,
    /// The request takes effect; the connection is closed in the middle of the body, `missing` bytes before the end
    /// that `Content-Length` promised.
    CloseInBody {
        /// How many promised bytes never come.
        missing: usize,
    },
    /// Something in front of Jenkins answers.
    Answer {
        /// Whether the request reached Jenkins and took effect all the same.
        processed: bool,
        /// What the client gets.
        answer: Answer,
    },
    /// These bytes come instead of HTTP, then the connection is closed. The request takes no effect.
    Garbage(Vec<u8>),
    /// The true answer comes a byte at a time, so much time apart.
    Trickle(Duration),
    /// A 200 with a body of so many bytes; the request takes no effect.
    HugeBody(u64),
}

type Predicate = Box<dyn Fn(&RecordedRequest) -> bool + Send>;

/// A [`FaultAction`], the requests it meets, and how often.
pub struct Fault {
    pub(crate) action: FaultAction,
    pub(crate) when: Option<Predicate>,
    pub(crate) left: Option<usize>,
    pub(crate) posts_only: bool,
}

impl Fault {
    /// Meets every request from now on, until [`StandIn::clear_faults`](crate::StandIn::clear_faults).
    #[must_use]
    pub fn new(action: FaultAction) -> Self {
        Self {
            action,
            when: None,
            left: None,
            posts_only: false,
        }
    }

    /// The same for every POST, and for nothing that only looks.
    #[must_use]
    pub fn of_posts(action: FaultAction) -> Self {
        Self {
            posts_only: true,
            ..Self::new(action)
        }
    }

    /// Shorthand for an answer by something in front of Jenkins; the request takes no effect.
    #[must_use]
    pub fn answer(answer: Answer) -> Self {
        Self::new(FaultAction::Answer {
            processed: false,
            answer,
        })
    }

    /// The same to every POST, and to nothing that only looks.
    #[must_use]
    pub fn answer_to_posts(answer: Answer) -> Self {
        Self {
            posts_only: true,
            ..Self::answer(answer)
        }
    }

    /// Only for the next `count` requests that it meets.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.left = Some(count);
        self
    }

    /// Only for requests of which `predicate` holds. The body is not there yet when a fault is chosen.
    #[must_use]
    pub fn when(mut self, predicate: impl Fn(&RecordedRequest) -> bool + Send + 'static) -> Self {
        self.when = Some(Box::new(predicate));
        self
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("action", &self.action)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// The first fault that meets the request, counted down and thrown away when used up.
pub(crate) fn choose(faults: &mut Vec<Fault>, request: &RecordedRequest) -> Option<FaultAction> {
    let meets = |fault: &Fault| {
        let kind = !fault.posts_only || request.method == "POST";
        kind && fault.when.as_ref().is_none_or(|when| when(request))
    };
    let index = faults.iter().position(meets)?;
    let action = faults[index].action.clone();
    if let Some(left) = &mut faults[index].left {
        *left = left.saturating_sub(1);
        if *left == 0 {
            faults.remove(index);
        }
    }
    Some(action)
}
