//! Laws of the notary: the tree beside the log however its file is damaged, and a store that forgets nothing.

mod store;
mod tree;
mod world;
