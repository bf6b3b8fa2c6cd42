//! Holds the stand-in to what a real Jenkins was seen to do.

mod client;
mod coalescing;
mod connections;
mod faults;
mod first_run;
mod multibranch;
mod queue_item_life;
mod recordings;
mod replay;
mod scene;
mod start_up;
mod without_building;
