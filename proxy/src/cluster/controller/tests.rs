//! Scripted answers for each step of a controller.
