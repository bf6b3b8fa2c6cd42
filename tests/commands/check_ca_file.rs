//! `check`: what is wrong with the file of certificates that a server names, found out offline.

use std::os::unix::fs::symlink;

use crate::helpers::{filtered, home};
use crate::support::Home;

const FILE: &str = "version: 1\nservers:\n  main: { url: \"https://ci.example.com\", ca_file: ci/ca.pem }\n\
                    jobs:\n  main: shop/deploy\n";

const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";

/// What `check` says where that file has this content.
fn checked(home: &Home, content: &[u8]) -> String {
    let repository = home.repository("shop", FILE);
    repository.write("ci/ca.pem", content);
    let ran = repository.tool(&["check"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
    ran.stderr
}

#[test]
fn a_ca_file_that_is_missing_is_shown_where_it_is_named() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let ran = repository.tool(&["check"]);
    for arguments in [&["trust"][..], &["trigger"], &["install"]] {
        let other = repository.tool(arguments);
        assert_eq!((other.code, &other.stderr), (1, &ran.stderr), "{arguments:?}");
    }
    let json = repository.tool(&["check", "--json"]);
    assert_eq!(json.code, 1);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: the `ca_file` ci/ca.pem cannot be used: there is no such file
         --> .jenkins-trigger.yml:3:51
          |
        3 |   main: { url: "https://ci.example.com", ca_file: ci/ca.pem }
          |                                                   ^^^^^^^^^
          |
          = help: put it there, or write its path from the top of the repository
        "#);
        insta::assert_snapshot!(json.stdout, @r#"{"valid":false,"file":".jenkins-trigger.yml","line":3,"column":51,"message":"the `ca_file` ci/ca.pem cannot be used: there is no such file","help":"put it there, or write its path from the top of the repository"}"#);
    });
}

#[test]
fn a_ca_file_with_a_private_key_is_refused_with_what_that_means() {
    let home = home();
    let said = checked(&home, KEY.as_bytes());
    filtered(&home, || {
        insta::assert_snapshot!(said, @r#"
        error: the `ca_file` ci/ca.pem cannot be used: there is a private key in it, which nobody but its owner may have
         --> .jenkins-trigger.yml:3:51
          |
        3 |   main: { url: "https://ci.example.com", ca_file: ci/ca.pem }
          |                                                   ^^^^^^^^^
          |
          = help: leave only the certificate in it, and have the key replaced: whoever has the repository has it
        "#);
    });
}

#[test]
fn a_ca_file_that_holds_no_certificate_is_refused() {
    let home = home();
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (content, reason) in [
        (&b""[..], "cannot be used: it is empty"),
        (b" \n\n", "cannot be used: it is empty"),
        (
            b"certificate",
            "cannot be used: no certificate is in it (a line -----BEGIN CERTIFICATE-----)",
        ),
        (
            &[0x30, 0x82, 1, 2, 3, 4],
            "it is no text; turn it into PEM: openssl x509 -inform der",
        ),
        (damaged.as_bytes(), "certificate 1 in it cannot be read: "),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA",
            "certificate 1 in it cannot be read: ",
        ),
        (
            &vec![b'x'; (1 << 20) + 1],
            "cannot be used: it has more than 1 MiB",
        ),
    ] {
        let said = checked(&home, content);
        assert!(said.contains(reason), "{reason}:\n{said}");
    }
}

#[test]
fn a_ca_file_that_is_no_file_of_the_work_tree_is_refused() {
    let home = home();
    let repository = home.repository("shop", FILE);
    std::fs::create_dir_all(repository.path("ci/ca.pem")).expect("a folder");
    let folder = repository.tool(&["check"]).stderr;
    assert!(folder.contains("it is not a regular file"), "{folder}");
    std::fs::remove_dir(repository.path("ci/ca.pem")).expect("the folder");
    symlink("/etc/passwd", repository.path("ci/ca.pem")).expect("a link");
    let link = repository.tool(&["check"]).stderr;
    assert!(link.contains("it is a link"), "{link}");
}

#[test]
fn in_a_bare_repository_the_ca_file_is_the_default_branchs() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.git(&["add", ".jenkins-trigger.yml"]);
    repository.git(&["commit", "-qm", "first"]);
    repository.write("ci/ca.pem", KEY);
    repository.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let missing = home.tool(&home.path("bare.git"), &["check"]);
    assert_eq!(missing.code, 1);
    assert!(
        missing.stderr.contains("ci/ca.pem cannot be used: commit ")
            && missing.stderr.contains(" has no such file"),
        "{}",
        missing.stderr
    );
    repository.commit("second");
    repository.git(&["push", "-q", "../bare.git", "main"]);
    let key = home.tool(&home.path("bare.git"), &["check"]);
    assert!(
        key.stderr.contains("there is a private key in it"),
        "{}",
        key.stderr
    );
}

/// Some of it blocks whoever reads it, as `/proc/kmsg` does.
#[test]
fn what_the_kernel_makes_up_in_place_of_a_ca_file_is_not_read() {
    let home = home();
    let repository = home.repository("shop", &FILE.replace("ci/ca.pem", "/proc/version"));
    let ran = repository.tool(&["check"]);
    let said = "the `ca_file` /proc/version cannot be used: it is empty";
    assert!(ran.stderr.contains(said), "{}", ran.whole());
}
