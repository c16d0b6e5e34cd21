//! source-controller
