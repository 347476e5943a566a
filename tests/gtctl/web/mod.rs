//! `gtctl serve`, the controller's page and metrics: by HTTP, and in a real browser. The report.

mod browser;
mod http;
mod report;
mod site;
