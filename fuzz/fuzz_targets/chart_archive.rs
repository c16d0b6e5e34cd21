//! Any bytes as a chart's archive, packed and unpacked, and the files of a chart made of the input, rendered. No input may
//! panic or run for ever.
#![no_main]

use std::io::Write;

use helm::{Chart, File, Limits, Options, Values};
use libfuzzer_sys::fuzz_target;

/// Where the parts of an input go.
const NAMES: &[&str] = &[
    "Chart.yaml",
    "values.yaml",
    "templates/a.yaml",
    "values.schema.json",
    "templates/_b.tpl",
    "charts/sub/Chart.yaml",
    "charts/sub/values.yaml",
    "charts/sub/templates/c.yaml",
    "requirements.yaml",
];

fn rendered(chart: &Chart) {
    let environment = gotemplate::Fixed::default();
    let mut options = Options::new("fuzz", "default", &environment);
    options.limits = Limits { steps: 50_000, bytes: 1 << 20, depth: 40 };
    let _ = helm::render(chart, &Values::new(), &options);
}

fuzz_target!(|input: &[u8]| {
    if let Ok(chart) = Chart::load_archive(input) {
        rendered(&chart);
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    if packed.write_all(input).is_ok()
        && let Ok(packed) = packed.finish()
        && let Ok(chart) = Chart::load_archive(&packed)
    {
        rendered(&chart);
    }
    let parts = input.split(|byte| *byte == 0);
    let files = NAMES.iter().zip(parts).map(|(name, part)| File::new(*name, part.to_vec())).collect();
    if let Ok(chart) = Chart::from_files(files) {
        rendered(&chart);
    }
});
