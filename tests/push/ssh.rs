//! git over ssh: a real sshd on loopback.

use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::http::environment;
use crate::support::{Home, Ran};

/// An sshd for the user who runs the test, with keys of its own, until it is dropped.
#[derive(Debug)]
pub struct Sshd {
    address: SocketAddr,
    folder: PathBuf,
    user: String,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Debug, Default)]
struct Inside {
    closed: bool,
    running: Vec<Child>,
}

impl Sshd {
    pub fn start(home: &Home) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let folder = home.path("ssh");
        fs::create_dir(&folder).expect("a folder");
        for key in ["host", "client"] {
            let mut keygen = home.command("ssh-keygen", &folder);
            Ran::of(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", key])).succeeded();
        }
        fs::copy(folder.join("client.pub"), folder.join("authorized")).expect("a copy");
        let key = fs::read_to_string(folder.join("host.pub")).expect("a key");
        let known = format!("[127.0.0.1]:{} {key}", address.port());
        fs::write(folder.join("known"), known).expect("a file");
        fs::write(folder.join("config"), config(home, &folder)).expect("a file");
        let mut check = home.command(program(), &folder);
        // What is missing on this machine is said here, and to no client.
        Ran::of(check.args(["-t", "-f", "config"])).succeeded();
        let user = Ran::of(home.command("id", &folder).arg("-un"))
            .stdout
            .trim()
            .to_owned();

        let inside = Arc::<Mutex<Inside>>::default();
        let sshd = Self {
            address,
            folder,
            user,
            inside,
        };
        sshd.serve(listener);
        sshd
    }

    /// One sshd for each client, as inetd starts it: so nobody else can take its port meanwhile.
    fn serve(&self, listener: TcpListener) {
        let inside = Arc::clone(&self.inside);
        let folder = self.folder.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut inside = inside.lock().unwrap_or_else(PoisonError::into_inner);
                if inside.closed {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let running = Command::new(program())
                    .arg("-i")
                    .arg("-f")
                    .arg(folder.join("config"))
                    .arg("-E")
                    .arg(folder.join("log"))
                    .stdin(OwnedFd::from(stream.try_clone().expect("a copy")))
                    .stdout(OwnedFd::from(stream))
                    .stderr(Stdio::null())
                    .spawn();
                inside
                    .running
                    .retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
                inside.running.push(running.expect("sshd starts"));
            }
        });
    }

    pub fn url(&self, path: &Path) -> String {
        let address = self.address;
        format!("ssh://{}@{address}{}", self.user, path.display())
    }

    /// What goes into `GIT_SSH_COMMAND`.
    pub fn command(&self) -> String {
        let folder = self.folder.display();
        format!(
            "ssh -F none -i '{folder}/client' -o IdentitiesOnly=yes -o UserKnownHostsFile='{folder}/known' \
             -o StrictHostKeyChecking=yes"
        )
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.closed = true;
        for child in &mut inside.running {
            let _ = child.kill();
            let _ = child.wait();
        }
        drop(inside);
        // Wakes the thread that waits for a client.
        let _ = TcpStream::connect(self.address);
    }
}

/// It starts itself again, and wants its whole path for that.
#[allow(
    clippy::disallowed_methods,
    reason = "it lies in no folder of an ordinary user's PATH, or in that one"
)]
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    ["/usr/sbin".into(), "/sbin".into()]
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|folder: PathBuf| folder.join("sshd"))
        .find(|program| program.exists())
        .expect("an sshd, of the package openssh-server")
}

fn config(home: &Home, folder: &Path) -> String {
    let exec_path = Ran::of(home.command("git", folder).arg("--exec-path")).succeeded();
    let variables: String = environment(home)
        .into_iter()
        .map(|(name, mut value)| {
            if name == "PATH" {
                // The programs that a client asks for are this git's.
                value = OsString::from(format!("{}:{}", exec_path.stdout.trim(), value.display()));
            }
            format!(" \"{}={}\"", name.display(), value.display())
        })
        .collect();
    format!(
        "HostKey {0}/host\nAuthorizedKeysFile {0}/authorized\nStrictModes no\nUsePAM no\nUseDNS no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
         PidFile none\nSetEnv{variables}\n",
        folder.display()
    )
}
