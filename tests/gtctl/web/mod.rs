//! `gtctl serve`, the controller's page and metrics: by HTTP, and in a real browser.

mod browser;
mod http;
mod site;
