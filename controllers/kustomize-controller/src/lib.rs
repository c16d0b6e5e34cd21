//! kustomize-controller
