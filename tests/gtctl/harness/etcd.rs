//! A real etcd for one test: private ports of the loopback and a folder of its own. Its processes
//! are killed by id when it is dropped.

use crate::harness::{PATIENCE, Scratch};
use gtctl::etcd::{EtcdAccess, EtcdClient, Tls};
use gtctl::model::ProcId;
use gtctl::proc::process;
use gtctl::proc::signal::{Signal, signal};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program, or a loud word where there is none.
pub(crate) fn etcd_program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let asked = std::env::var_os("GTCTL_ETCD").map(PathBuf::from);
    let found = asked.or_else(|| {
        std::env::split_paths(&path)
            .map(|dir| dir.join("etcd"))
            .find(|file| file.is_file())
    });
    if found.is_none() {
        eprintln!("SKIPPED, LOUDLY: there is no etcd (apt-get install etcd-server)");
    }
    found
}

/// A member of the store.
struct Member {
    child: Child,
    arguments: Vec<String>,
    log: PathBuf,
}

/// The members of a store.
pub(crate) struct Etcd {
    members: Vec<Member>,
    program: PathBuf,
    pub(crate) endpoints: Vec<String>,
    pub(crate) scratch: Scratch,
    tls: Option<Tls>,
}

/// Free ports, all different.
fn ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap().port())
        .collect()
}

impl Etcd {
    /// A store of one member. None where this machine has no etcd.
    pub(crate) fn start() -> Option<Self> {
        Self::with_members(1)
    }

    /// A store of so many members.
    pub(crate) fn with_members(count: usize) -> Option<Self> {
        let program = etcd_program()?;
        Some(Self::begin(program, count, Scratch::new(), None))
    }

    /// A store of one member that asks for certificates. `folder` has them.
    pub(crate) fn secure(scratch: Scratch, tls: Tls) -> Option<Self> {
        let program = etcd_program()?;
        Some(Self::begin(program, 1, scratch, Some(tls)))
    }

    fn begin(program: PathBuf, count: usize, scratch: Scratch, tls: Option<Tls>) -> Self {
        let ports = ports(count * 2);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let place = |member: usize, peer: usize| ports[member * 2 + peer];
        let peers: Vec<String> = (0..count)
            .map(|member| format!("m{member}=http://127.0.0.1:{}", place(member, 1)))
            .collect();
        let peers = peers.join(",");
        let endpoints: Vec<String> = (0..count)
            .map(|member| format!("{scheme}://127.0.0.1:{}", place(member, 0)))
            .collect();
        let mut etcd = Self {
            members: Vec::new(),
            program,
            endpoints: endpoints.clone(),
            scratch,
            tls,
        };
        for (member, client) in endpoints.iter().enumerate() {
            let peer = format!("http://127.0.0.1:{}", place(member, 1));
            let folder = etcd.scratch.path().join(format!("m{member}"));
            let mut arguments: Vec<String> = [
                "--name",
                &format!("m{member}"),
                "--data-dir",
                folder.to_str().unwrap(),
                "--listen-client-urls",
                client,
                "--advertise-client-urls",
                client,
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
                "--initial-cluster",
                &peers,
                "--unsafe-no-fsync",
            ]
            .map(str::to_owned)
            .into();
            if !fsync_can_be_left_out(&etcd.program) {
                arguments.pop();
            }
            if etcd.tls.is_some() {
                let at = |name: &str| etcd.scratch.path().join(name).display().to_string();
                arguments.extend([
                    format!("--cert-file={}", at("server.pem")),
                    format!("--key-file={}", at("server.key")),
                    format!("--trusted-ca-file={}", at("ca.pem")),
                    "--client-cert-auth".to_owned(),
                ]);
            }
            let log = etcd.scratch.path().join(format!("m{member}.log"));
            let child = spawn(&etcd.program, &arguments, &log);
            etcd.members.push(Member {
                child,
                arguments,
                log,
            });
        }
        etcd.wait();
        etcd
    }

    /// How a client reaches it, with so long for a call.
    pub(crate) fn access(&self) -> EtcdAccess {
        EtcdAccess {
            endpoints: self.endpoints.clone(),
            tls: self.tls.clone(),
            limit: Duration::from_secs(3),
        }
    }

    pub(crate) fn client(&self) -> EtcdClient {
        EtcdClient::new(&self.access()).unwrap()
    }

    /// Waits until all members answer. The test may run in a runtime already, so this has its own
    /// thread.
    fn wait(&self) {
        std::thread::scope(|scope| scope.spawn(|| self.wait_here()).join().unwrap());
    }

    fn wait_here(&self) {
        let deadline = Instant::now() + PATIENCE;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let client = self.client();
            loop {
                let status = client.status().await;
                if status
                    .iter()
                    .all(|status| status.as_ref().is_ok_and(|status| status.has_leader))
                {
                    return;
                }
                assert!(
                    Instant::now() < deadline,
                    "etcd does not answer: {status:?}\n{}",
                    self.log(0)
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }

    pub(crate) fn log(&self, member: usize) -> String {
        fs::read_to_string(&self.members[member].log).unwrap_or_default()
    }

    pub(crate) fn member(&self, member: usize) -> ProcId {
        process::identify(self.members[member].child.id()).unwrap()
    }

    pub(crate) fn send(&self, member: usize, with: Signal) {
        signal(self.member(member), with);
    }

    /// Kills a member.
    pub(crate) fn kill(&mut self, member: usize) {
        let member = &mut self.members[member];
        member.child.kill().unwrap();
        member.child.wait().unwrap();
    }

    /// Starts a killed member again, with its data.
    pub(crate) fn again(&mut self, member: usize) {
        let program = self.program.clone();
        let member = &mut self.members[member];
        member.child = spawn(&program, &member.arguments, &member.log);
    }
}

/// Whether this etcd can leave out the waiting for the disk, which slow test machines gain by.
fn fsync_can_be_left_out(program: &Path) -> bool {
    let output = Command::new(program).arg("--help").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).contains("unsafe-no-fsync")
}

fn spawn(program: &Path, arguments: &[String], log: &Path) -> Child {
    let log = File::options().create(true).append(true).open(log).unwrap();
    Command::new(program)
        .args(arguments)
        .env("ETCD_UNSUPPORTED_ARCH", std::env::consts::ARCH)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for member in &mut self.members {
            drop(member.child.kill());
            drop(member.child.wait());
        }
    }
}
