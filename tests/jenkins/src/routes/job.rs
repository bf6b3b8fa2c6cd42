//! What a job's or folder's own URLs do, once the caller was found to have Job/Read.

use super::{Context, Routed, redirect};
use crate::auth::Permission;
use crate::config_xml;
use crate::http::Answer;
use crate::jobs::Kind;

impl Context<'_> {
    pub(super) fn item(&mut self, job: usize, rest: &[&str]) -> Routed {
        let full_name = self.world.jobs[job].job.full_name.clone();
        let name = self.world.jobs[job].job.name().to_owned();
        let place = format!("{}/{}", self.world.context_path, Self::item_path(&full_name));
        let kind = self.world.jobs[job].job.kind;
        let is_folder = kind.is_folder();
        match rest {
            [] if !self.trailing_slash => Ok(redirect(302, &place)),
            [] => Ok(self.plain_page(&name, &name, "Status Changes")),
            ["api", flavor] => {
                let object = self.job_object(job);
                self.api(&object, flavor)
            }
            ["config.xml"] => self.config_xml(job),
            ["doDelete"] => {
                self.change(&name, Permission::JobDelete, job)?;
                self.world.cancel_all_of(job);
                self.world.jobs[job].deleted = true;
                let parent = self.world.jobs[job].job.parent().to_owned();
                let parent = if parent.is_empty() {
                    String::new()
                } else {
                    Self::item_path(&parent)
                };
                Ok(redirect(302, &format!("{}/{parent}", self.world.context_path)))
            }
            ["job", ..] if is_folder => self.items(&full_name, rest),
            ["view", "All" | "all", inner @ ..] if is_folder && !inner.is_empty() => {
                self.items(&full_name, inner)
            }
            ["build"] if kind == Kind::Multibranch => self.scan(job),
            ["createItem"] if kind == Kind::Folder => self.create_item(&full_name),
            _ if is_folder => Err(self.not_found()),
            ["build"] => self.build(job),
            ["buildWithParameters"] => self.build_with_parameters(job),
            ["polling"] => self.poll(job),
            ["disable"] => {
                self.change(&name, Permission::JobConfigure, job)?;
                self.world.jobs[job].job.disabled = true;
                self.world.jobs[job].job.config_xml = None;
                self.world.cancel_all_of(job);
                Ok(redirect(302, &place))
            }
            ["enable"] => {
                self.change(&name, Permission::JobConfigure, job)?;
                self.world.jobs[job].job.disabled = false;
                self.world.jobs[job].job.config_xml = None;
                Ok(redirect(302, &place))
            }
            [build, inner @ ..] => self.build_of(job, build, inner),
        }
    }

    /// "Scan Now" of a multibranch project: back to where one came from, and no word of what was begun (row 47).
    fn scan(&mut self, job: usize) -> Routed {
        let delay = self.delay()?;
        let name = self.world.jobs[job].job.name().to_owned();
        self.change(&name, Permission::JobBuild, job)?;
        let state = &self.world.jobs[job].job;
        let full_name = state.full_name.clone();
        if state.disabled {
            let trace = format!("java.io.IOException: {full_name} cannot be recomputed\n");
            return Ok(Answer::new(500)
                .header("Content-Type", "text/plain;charset=utf-8")
                .body(trace));
        }
        self.world.scan(job, delay.unwrap_or(0));
        Ok(redirect(
            302,
            &format!("{}/{}", self.world.context_path, Self::item_path(&full_name)),
        ))
    }

    /// Before a change: POST, and a permission.
    fn change(&mut self, breadcrumb: &str, permission: Permission, job: usize) -> Result<(), Answer> {
        if !self.is_post() {
            return Err(self.post_required(breadcrumb));
        }
        self.require(permission, Some(job))
    }

    /// Reading and writing both need Job/Configure (s5-07b, a3-06).
    fn config_xml(&mut self, job: usize) -> Routed {
        self.require(Permission::JobConfigure, Some(job))?;
        if !self.is_post() {
            let body = config_xml::write(&self.world.jobs[job].job);
            return Ok(Answer::new(200)
                .header("Content-Type", "application/xml")
                .body(body));
        }
        let old = &self.world.jobs[job].job;
        match config_xml::read(&self.request.body, old) {
            Some(new) => {
                self.world.jobs[job].job = new;
                Ok(Answer::new(200))
            }
            None => Err(self.failure()),
        }
    }
}
