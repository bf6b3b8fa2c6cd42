//! Making users and jobs by REST, and the quiet-down mode.

use super::{Context, Routed, redirect};
use crate::auth::{Permission, User};
use crate::config_xml;
use crate::http::Answer;
use crate::jobs::{Job, JobState};
use crate::pages;

impl Context<'_> {
    /// A 200 means that the form is shown again because something was wrong with it; success is a 302 (a1-01…03).
    pub(super) fn create_account(&mut self) -> Routed {
        if !self.is_post() {
            return Err(self.post_required(""));
        }
        self.require(Permission::OverallAdminister, None)?;
        let parameters = self.parameters()?;
        let field = |name: &str| parameters.get(name).unwrap_or_default().to_owned();
        let (name, password) = (field("username"), field("password1"));
        let taken = self.world.user(&name).is_some();
        let differ = password != field("password2") || password.is_empty();
        if taken || differ || name.is_empty() {
            let name_error = if taken { "User name is already taken " } else { "" };
            let password_error = if differ { "Password didn't match " } else { "" };
            let main = format!(
                "<h1>Create User</h1> <p>Username {name_error}Password {password_error}Confirm password \
                 {password_error}Full name</p> <button>Create User</button>"
            );
            return Ok(self.page(200, "Create User", "Create User", &main, false));
        }
        let token = self.world.random_hex(32);
        self.world.users.push(
            User::new(name, format!("11{token}"))
                .password(password)
                .full_name(field("fullname")),
        );
        Ok(redirect(
            302,
            &format!("{}/securityRealm/", self.world.context_path),
        ))
    }

    /// The reason of a refusal stands in `X-Error` and in the page (a2-02…05).
    pub(super) fn create_item(&mut self, parent: &str) -> Routed {
        if !self.is_post() {
            return Err(self.post_required(""));
        }
        let folder = if parent.is_empty() {
            None
        } else {
            self.world.job(parent)
        };
        self.require(Permission::JobCreate, folder)?;
        let parameters = self.parameters()?;
        let name = parameters.get("name").unwrap_or_default().to_owned();
        if let Some(unsafe_character) = name.chars().find(|c| "?*/\\%!@#$^&|<>[]:;".contains(*c)) {
            return Err(self.not_created(&format!("‘{unsafe_character}’ is an unsafe character")));
        }
        let full_name = if parent.is_empty() {
            name.clone()
        } else {
            format!("{parent}/{name}")
        };
        if name.trim().is_empty() {
            return Err(self.not_created("No name is specified"));
        }
        if self.world.job(&full_name).is_some() {
            return Err(self.not_created(&format!("A job already exists with the name ‘{name}’")));
        }
        let copied = (parameters.get("mode") == Some("copy"))
            .then(|| parameters.get("from").unwrap_or_default().to_owned());
        if let Some(from) = copied {
            let from = from.strip_prefix('/').map_or_else(
                || {
                    if parent.is_empty() {
                        from.clone()
                    } else {
                        format!("{parent}/{from}")
                    }
                },
                str::to_owned,
            );
            let Some(original) = self.world.job(&from) else {
                return Err(self.not_created(&format!("No such job: {from}")));
            };
            let job = Job {
                full_name: full_name.clone(),
                unsaved_copy: true,
                ..self.world.jobs[original].job.clone()
            };
            self.world.jobs.push(JobState::new(job));
            let path = Self::item_path(&full_name);
            return Ok(redirect(
                302,
                &format!("{}/{path}configure", self.world.context_path),
            ));
        }
        let Some(content_type) = self.request.header_text("content-type") else {
            return Err(self.not_created("No Content-Type header set"));
        };
        if !content_type.starts_with("application/xml") && !content_type.starts_with("text/xml") {
            return Err(self.failure());
        }
        match config_xml::read(&self.request.body, &Job::new(full_name)) {
            Some(job) => {
                self.world.jobs.push(JobState::new(job));
                Ok(Answer::new(200))
            }
            None => Err(self.failure()),
        }
    }

    fn not_created(&mut self, reason: &str) -> Answer {
        let main = format!("<h1>Error</h1> <p>{}</p>", pages::escape(reason));
        // A header has no room for the quotation marks.
        let header: String = reason
            .chars()
            .map(|c| if c.is_ascii() { c } else { ' ' })
            .collect();
        self.page(400, "Jenkins", "", &main, true)
            .header("X-Error", header)
    }

    pub(super) fn quiet_down(&mut self, on: bool) -> Routed {
        if !self.is_post() {
            return Err(self.post_required(""));
        }
        self.require(Permission::OverallAdminister, None)?;
        self.world.queue.quieting_down = on;
        Ok(redirect(302, &format!("{}/", self.world.context_path)))
    }
}
