//! Has the crate built again when the console was: it embeds `console/dist`, where there is one.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Cargo takes a path that is missing for one that has changed: until there is a `dist`, the folder around it tells when it comes.
    let watched = ["../console/dist", "../console"].into_iter().find(|path| Path::new(path).exists());
    if let Some(path) = watched {
        println!("cargo:rerun-if-changed={path}");
    }
}
