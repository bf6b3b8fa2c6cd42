//! `ca_file` of a server.

use super::{config, refusal, refused, told};
use crate::config::{WrongFile, read_with_files};

fn file(url: &str, ca_file: &str) -> String {
    format!(
        "version: 1\nservers:\n  main:\n    url: {url}\n    ca_file: {ca_file}\njobs: {{ main: shop/build }}\n"
    )
}

const URL: &str = "https://ci.example.com";

#[test]
fn it_is_a_path_in_the_repository_or_an_absolute_one() {
    for (written, read) in [
        ("ci-ca.pem", "ci-ca.pem"),
        ("./ci//./ca.pem", "ci/ca.pem"),
        ("..ca.pem", "..ca.pem"),
        ("\"ci ca/äö.pem\"", "ci ca/äö.pem"),
        ("/etc/ssl//company.pem", "/etc/ssl/company.pem"),
    ] {
        let found = config(&file(URL, written)).servers.remove(0).ca_file;
        assert_eq!(found.as_deref(), Some(read));
    }
    assert_eq!(
        config("version: 1\nserver: https://ci\njobs: { a: b }\n").servers[0].ca_file,
        None
    );
}

#[test]
fn what_is_no_such_path_is_refused() {
    const PLAIN: &str = "write a path from the top of the repository, or an absolute one";
    for (ca_file, place, help) in [
        (
            "../ca.pem",
            "5:14 the path `../ca.pem` leads out of the repository",
            "put the file into the repository, or write an absolute path without `..`",
        ),
        (
            "/etc/../ca.pem",
            "5:14 the path `/etc/../ca.pem` leads out of the repository",
            "put the file into the repository, or write an absolute path without `..`",
        ),
        (
            "~/ca.pem",
            "5:14 `ca_file` is a plain path, not `~/ca.pem`",
            PLAIN,
        ),
        (
            "${env.CA}",
            "5:14 `ca_file` is a plain path, not `${env.CA}`",
            PLAIN,
        ),
        (
            "https://ci.example.com/ca.pem",
            "5:14 `ca_file` is a plain path, not `https://ci.example.com/ca.pem`",
            PLAIN,
        ),
        ("certs/", "5:14 `certs/` names a folder", "name the file in it"),
        (".", "5:14 `.` names a folder", "name the file in it"),
        (
            "'a\\b.pem'",
            "5:14 a control character or `\\` in the path `a\\b.pem`",
            "write it with `/`",
        ),
        (
            "''",
            "5:14 `ca_file` is empty",
            "write a text, or leave the key out",
        ),
        ("[a]", "5:14 `ca_file` is a text, not a list", super::QUOTE_TEXT),
    ] {
        refused(&[(&file(URL, ca_file), place, help)]);
    }
    refused(&[(
        &file("http://ci.example.com", "ca.pem"),
        "5:14 a `ca_file` for a server that is reached by http, where no certificate is shown",
        "write `url: https://…`, or take `ca_file` out",
    )]);
}

#[test]
fn a_certificate_in_its_place_is_refused_and_not_shown() {
    let text = file(
        URL,
        "|\n      -----BEGIN CERTIFICATE-----\n      MIIB\n      -----END CERTIFICATE-----",
    );
    let error = refusal(&text);
    assert_eq!(
        told(&error),
        (
            "5:14 `ca_file` is the name of a file, not its content".to_owned(),
            "put the certificate into a file beside this one, and write its name".to_owned()
        )
    );
    assert!(!format!("{error:?}").contains("MIIB"));
}

#[test]
fn at_the_top_it_is_told_where_it_belongs() {
    refused(&[(
        "version: 1\nserver: https://ci.example.com\nca_file: ca.pem\njobs: { main: shop/build }\n",
        "3:1 unknown key `ca_file` in the file",
        "`ca_file` belongs in a server under `servers`",
    )]);
}

#[test]
fn what_is_wrong_with_the_file_is_told_at_the_place_that_names_it() {
    let text = file(URL, "./ca.pem");
    let look = |path: &str| {
        assert_eq!(path, "ca.pem");
        Err(WrongFile {
            message: "it is empty".into(),
            help: "fill it".into(),
        })
    };
    let error = read_with_files(".jenkins-trigger.yml", text.as_bytes(), &look).expect_err("refused");
    assert_eq!(
        told(&error),
        ("5:14 it is empty".to_owned(), "fill it".to_owned())
    );
    assert_eq!(error.source_line(), Some("    ca_file: ./ca.pem"));
}
