//! Everything below a folder, to compare, to copy and to put back.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice as _};

/// What our hooks have in their second line.
pub const MARKER: &[u8] = b"# jenkins-trigger hook, version ";

/// One entry of a folder.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Node {
    Folder(u32),
    File(u32, BString),
    Link(PathBuf),
    /// A pipe, a socket or the like.
    Other,
}

impl Node {
    pub fn script(text: impl Into<Vec<u8>>) -> Self {
        Self::File(0o755, BString::new(text.into()))
    }

    /// What is there; `None` for nothing.
    pub fn at(path: &Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(path).ok()?;
        let mode = metadata.permissions().mode() & 0o7777;
        Some(if metadata.is_dir() {
            Self::Folder(mode)
        } else if metadata.is_symlink() {
            Self::Link(fs::read_link(path).expect("a link"))
        } else if metadata.is_file() {
            Self::File(mode, fs::read(path).expect("a file").into())
        } else {
            Self::Other
        })
    }

    /// Puts it where nothing is.
    pub fn put(&self, path: &Path) {
        match self {
            Self::Folder(mode) => {
                fs::create_dir(path).expect("a folder");
                fs::set_permissions(path, fs::Permissions::from_mode(*mode)).expect("a mode");
            }
            Self::File(mode, content) => {
                fs::write(path, content).expect("a file");
                fs::set_permissions(path, fs::Permissions::from_mode(*mode)).expect("a mode");
            }
            Self::Link(target) => symlink(target, path).expect("a link"),
            Self::Other => panic!("{} cannot be copied", path.display()),
        }
    }

    /// The name of the hook that this script of ours has moved aside: empty for none. `None` where
    /// it is not our script.
    pub fn chained(&self) -> Option<String> {
        let Self::File(_, content) = self else { return None };
        let mut lines = content.lines();
        if !lines.nth(1)?.starts_with(MARKER) {
            return None;
        }
        let value = lines.find_map(|line| line.strip_prefix(b"chained="))?;
        Some(value.to_str_lossy().trim_matches('\'').to_owned())
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(mode) => write!(out, "folder {mode:o}"),
            Self::File(mode, _) if self.chained().is_some() => {
                write!(
                    out,
                    "ours {mode:o}, chained {:?}",
                    self.chained().unwrap_or_default()
                )
            }
            Self::File(mode, content) => {
                let start = &content[..content.len().min(60)];
                write!(
                    out,
                    "file {mode:o}, {} bytes: {:?}",
                    content.len(),
                    start.as_bstr()
                )
            }
            Self::Link(target) => write!(out, "link to {}", target.display()),
            Self::Other => write!(out, "something else"),
        }
    }
}

/// All entries by their path from the folder.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Tree {
    pub nodes: BTreeMap<PathBuf, Node>,
    /// Second names of the same file, each with the first.
    links: BTreeMap<PathBuf, PathBuf>,
}

impl Tree {
    pub fn of(folder: &Path) -> Self {
        let mut tree = Self::default();
        tree.add(folder, Path::new(""));
        let mut files = HashMap::new();
        for path in tree.nodes.keys() {
            let metadata = fs::symlink_metadata(folder.join(path)).expect("metadata");
            if !metadata.is_dir() {
                let first = files.entry((metadata.dev(), metadata.ino())).or_insert(path);
                if *first != path {
                    tree.links.insert(path.clone(), first.clone());
                }
            }
        }
        tree
    }

    fn add(&mut self, folder: &Path, inside: &Path) {
        for entry in fs::read_dir(folder.join(inside)).expect("a folder") {
            let path = inside.join(entry.expect("an entry").file_name());
            let node = Node::at(&folder.join(&path)).expect("an entry");
            if matches!(node, Node::Folder(_)) {
                self.add(folder, &path);
            }
            self.nodes.insert(path, node);
        }
    }

    /// Makes the folder be this and nothing else.
    pub fn put(&self, folder: &Path) {
        if folder.exists() {
            fs::remove_dir_all(folder).expect("a folder to remove");
        }
        fs::create_dir_all(folder).expect("a folder");
        for (path, node) in &self.nodes {
            match self.links.get(path) {
                Some(first) => fs::hard_link(folder.join(first), folder.join(path)).expect("a link"),
                None => node.put(&folder.join(path)),
            }
        }
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(&self.nodes).finish()
    }
}

/// Says what is different, and not all that is the same.
#[track_caller]
pub fn assert_same(found: &Tree, wanted: &Tree, when: &str) {
    let mut difference = String::new();
    for path in found.nodes.keys().chain(wanted.nodes.keys()) {
        let (now, then) = (found.nodes.get(path), wanted.nodes.get(path));
        if now != then {
            difference.push_str(&format!("{}: {then:?} has become {now:?}\n", path.display()));
        }
    }
    assert!(difference.is_empty(), "{when}:\n{difference}");
}
