//! stub
use crate::{RecordId, Reading, Schema, layout::*};
use portolan_diagnostics::{Checked, SourceId};
#[derive(Debug, Clone, Default)]
pub struct CopybookOptions { pub dialect: Dialect, pub odo: Odo, pub format: ReferenceFormat }
#[derive(Debug, Clone, Copy, Default)]
pub enum Odo { #[default] Real, Maximum }
#[derive(Debug, Clone, Copy, Default)]
pub enum ReferenceFormat { #[default] Detect, Fixed, Free }
#[derive(Debug, Clone)]
pub struct Copybook;
impl Copybook {
    pub fn merge(&mut self, _: Self) {}
    pub fn find(&self, _: &str) -> Option<usize> { None }
    pub fn lower(&self, _: usize, _: &CopybookOptions, _: &mut Schema) -> Checked<(RecordId, Shape)> { Checked { value: None, diagnostics: vec![] } }
}
pub fn read(_: SourceId, _: &mut Reading<'_>, _: &CopybookOptions) -> Checked<Copybook> { Checked { value: None, diagnostics: vec![] } }
