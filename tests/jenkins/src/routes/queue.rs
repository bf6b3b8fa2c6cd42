//! `/queue/…`

use super::{Context, Routed, redirect, text};
use crate::auth::Permission;
use crate::export::{Object, Value};
use crate::http::Answer;
use crate::routes::objects::item_object;

impl Context<'_> {
    pub(super) fn queue(&mut self, rest: &[&str]) -> Routed {
        match rest {
            ["api", flavor] => {
                let items: Vec<Object> = self
                    .world
                    .queue
                    .items
                    .iter()
                    .filter(|item| item.is_queued() && self.allows(Permission::JobRead, Some(item.job)))
                    .map(|item| item_object(self.world, item))
                    .collect();
                let queue = Object::new("hudson.model.Queue")
                    .top("discoverableItems", Value::List(Vec::new()))
                    .inline("items", items);
                self.api(&queue, flavor)
            }
            ["cancelItem"] => self.cancel_item(),
            ["item", id, inner @ ..] => self.queue_item(id, inner),
            _ => Err(self.not_found()),
        }
    }

    fn queue_item(&mut self, id: &str, rest: &[&str]) -> Routed {
        let Ok(id) = id.parse::<u64>() else {
            return Err(self.failure());
        };
        let Some(item) = self.world.queue.item(id).cloned() else {
            return Err(self.not_found());
        };
        if !self.allows(Permission::JobRead, Some(item.job)) {
            if self.allows(Permission::JobDiscover, Some(item.job)) {
                let path = Self::item_path(&self.world.jobs[item.job].job.full_name);
                return Err(self.denied(&format!("Please log in to access {path}")));
            }
            return Err(self.not_found());
        }
        let place = format!("{}/queue/item/{id}/", self.world.context_path);
        match rest {
            [] if !self.trailing_slash => Ok(redirect(302, &place)),
            [] => {
                let advice = format!(
                    "Queue item exists. For details check, for example, {place}api/json?tree=cancelled,executable[url]"
                );
                Ok(text("text/plain;charset=utf-8", &advice))
            }
            ["api", flavor] => self.api(&item_object(self.world, &item), flavor),
            _ => Err(self.not_found()),
        }
    }

    /// The refusals all look like crashes; only the status tells them apart (s4-07…e).
    fn cancel_item(&mut self) -> Routed {
        if !self.is_post() {
            return Err(self.post_required(""));
        }
        let parameters = self.parameters()?;
        let id = match parameters.get("id") {
            None => 0,
            Some(text) => match text.parse::<u64>() {
                Ok(id) => id,
                Err(_) => return Err(self.failure()),
            },
        };
        let user = self.user_name();
        let job = self.world.queue.item(id).map(|item| item.job);
        let status = match job {
            None => 404,
            Some(job) if !self.allows(Permission::JobCancel, Some(job)) => 422,
            Some(_) if self.world.cancel(id) => return Ok(Answer::new(204)),
            Some(_) => 500,
        };
        Err(self.oops(status, user.as_deref(), true))
    }
}
