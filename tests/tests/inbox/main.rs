//! What providers deliver: who is let in, what is stored of it, and what comes of it.

mod receive;
mod replay;
mod rotation;
mod shop;
mod topics;
mod work;
