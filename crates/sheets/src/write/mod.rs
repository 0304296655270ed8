//! From the derived sheet to a file: in the layout of the document it was read from, or in the
//! usual one.

mod canonical;
mod from_document;

use daicho_domain::plan::Document;
use daicho_domain::sheet::Sheet;

use crate::encoding::{SheetEncoding, Unencodable, encode};
use crate::table::Delimiter;

/// Why a sheet is not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A character that the document's encoding cannot hold.
    #[error("the sheet cannot be written in the encoding of its document")]
    Unencodable(#[source] Unencodable),
    /// A document recorded with an encoding that is not known.
    #[error("the document's encoding '{0}' is not known; export without the document's layout")]
    UnknownEncoding(String),
    /// A document that is not this sheet's.
    #[error(
        "the document's layout is not the one of this plan ({missing} of its rows are not in the sheet, {added} of the sheet's rows are not in it); export without it"
    )]
    ForeignDocument {
        /// Rows of the document that the sheet lacks.
        missing: usize,
        /// Rows of the sheet that the document lacks.
        added: usize,
    },
}

/// Writes `sheet` as bytes. With `document` they are the imported ones wherever nothing has
/// changed, in the same encoding, with the same line endings; without it the usual layout in
/// UTF-8.
///
/// # Errors
/// Where the encoding cannot hold a character, or `document` is not this sheet's.
pub fn write(
    sheet: &Sheet,
    document: Option<&Document>,
    delimiter: Delimiter,
) -> Result<Vec<u8>, WriteError> {
    let Some(document) = document else {
        let text = canonical::text(sheet, delimiter);
        return encode(&text, SheetEncoding::Utf8, false).map_err(WriteError::Unencodable);
    };
    let encoding = SheetEncoding::from_name(&document.encoding)
        .ok_or_else(|| WriteError::UnknownEncoding(document.encoding.clone()))?;
    let text = from_document::text(sheet, document, delimiter)?;
    encode(&text, encoding, document.byte_order_mark).map_err(WriteError::Unencodable)
}
