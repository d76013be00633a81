//! Activity: what goes on between the program and stores' shops, in numbers that are right, and the watch of the API's versions.

mod bounds;
mod counts;
mod doctor;
mod versions;
mod windows;
mod world;
