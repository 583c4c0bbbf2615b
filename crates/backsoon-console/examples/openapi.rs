//! Writes the document about the API to where it is checked in: `cargo run -p backsoon-console --example openapi`.

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/openapi.json");
    std::fs::write(path, backsoon_console::openapi::document())
}
