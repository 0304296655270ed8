//! Bytes to text and back: UTF-8, Shift_JIS (Windows-31J), EUC-JP and UTF-16 with a mark.

use encoding_rs::{EUC_JP, Encoding, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE};

/// An encoding that sheets come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SheetEncoding {
    /// UTF-8.
    Utf8,
    /// Shift_JIS as Windows means it (CP932, Windows-31J).
    ShiftJis,
    /// EUC-JP; recognised only where the text makes sense in no other encoding.
    EucJp,
    /// UTF-16, little endian, with a byte order mark.
    Utf16Le,
    /// UTF-16, big endian, with a byte order mark.
    Utf16Be,
}

impl SheetEncoding {
    /// Every encoding.
    pub const ALL: [Self; 5] = [
        Self::Utf8,
        Self::ShiftJis,
        Self::EucJp,
        Self::Utf16Le,
        Self::Utf16Be,
    ];

    /// The name recorded with a document (`UTF-8`, `Shift_JIS`…).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::ShiftJis => "Shift_JIS",
            Self::EucJp => "EUC-JP",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
        }
    }

    /// The encoding with this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }

    fn codec(self) -> &'static Encoding {
        match self {
            Self::Utf8 => UTF_8,
            Self::ShiftJis => SHIFT_JIS,
            Self::EucJp => EUC_JP,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
        }
    }

    fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf8 => &[0xEF, 0xBB, 0xBF],
            Self::Utf16Le => &[0xFF, 0xFE],
            Self::Utf16Be => &[0xFE, 0xFF],
            Self::ShiftJis | Self::EucJp => &[],
        }
    }
}

/// A file's text and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text, without the byte order mark.
    pub text: String,
    /// The encoding that was recognised.
    pub encoding: SheetEncoding,
    /// Whether the file began with a byte order mark.
    pub byte_order_mark: bool,
    /// Whether encoding the text again gives the very bytes of the file.
    pub is_exact: bool,
}

/// The largest file that is read, in bytes: a hundred times a large city's sheet.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Why a file is not read as text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// There is nothing in it.
    #[error("the file is empty; choose the file that holds the sheet")]
    Empty,
    /// Larger than [`MAX_FILE_BYTES`].
    #[error("the file is too large: {bytes} bytes, at most 16 MiB; is this the right file?")]
    TooLarge {
        /// Its size, in bytes.
        bytes: usize,
    },
    /// A ZIP container, which XLSX workbooks are.
    #[error(
        "the file is an XLSX workbook or another ZIP archive; XLSX is not read by this version: save the sheet as tab-separated text (UTF-8 or Shift_JIS)"
    )]
    Workbook,
    /// The old binary XLS format.
    #[error(
        "the file is an old Excel workbook (XLS); save the sheet as tab-separated text (UTF-8 or Shift_JIS)"
    )]
    OldWorkbook,
    /// A PDF.
    #[error(
        "the file is a PDF; copy its table into a spreadsheet and save it as tab-separated text (UTF-8 or Shift_JIS)"
    )]
    Pdf,
    /// A byte that text does not have.
    #[error(
        "the file is not text: there is a NUL byte at offset {offset}; save the sheet as UTF-8 or Shift_JIS text"
    )]
    Binary {
        /// Where, in bytes from the start.
        offset: usize,
    },
    /// Bytes that are text in none of the encodings.
    #[error(
        "the bytes at offset {offset} (line {line}) are neither UTF-8 nor Shift_JIS; save the sheet as UTF-8 or Shift_JIS text"
    )]
    Undecodable {
        /// Where, in bytes from the start: as far as the better of the two encodings got.
        offset: usize,
        /// The line, counted from 1.
        line: usize,
    },
}

impl EncodingError {
    /// The same in Japanese, for pages.
    pub fn ja(&self) -> String {
        match self {
            Self::Empty => "ファイルが空です。シートの入ったファイルを選んでください。".into(),
            Self::TooLarge { bytes } => format!("ファイルが大きすぎます({bytes}バイト、上限は16MiB)。正しいファイルか確認してください。"),
            Self::Workbook => "XLSX(Excelブック)はこの版では読み込めません。シートをタブ区切りテキスト(UTF-8またはShift_JIS)で保存してください。".into(),
            Self::OldWorkbook => "XLS(旧形式のExcelブック)は読み込めません。シートをタブ区切りテキスト(UTF-8またはShift_JIS)で保存してください。".into(),
            Self::Pdf => "PDFは読み込めません。表を表計算ソフトに写し、タブ区切りテキスト(UTF-8またはShift_JIS)で保存してください。".into(),
            Self::Binary { offset } => format!("テキストファイルではありません({offset}バイト目にNULがあります)。UTF-8またはShift_JISのテキストで保存してください。"),
            Self::Undecodable { offset, line } => format!("{offset}バイト目({line}行目)がUTF-8でもShift_JISでも読めません。UTF-8またはShift_JISのテキストで保存し直してください。"),
        }
    }
}

/// Recognises the encoding and decodes.
///
/// # Errors
/// Where the bytes are no text or too many; the error says where and what to do.
pub fn decode(bytes: &[u8]) -> Result<Decoded, EncodingError> {
    if bytes.is_empty() {
        return Err(EncodingError::Empty);
    }
    if bytes.len() > MAX_FILE_BYTES {
        return Err(EncodingError::TooLarge { bytes: bytes.len() });
    }
    for (magic, error) in [
        (&b"PK\x03\x04"[..], EncodingError::Workbook),
        (&b"PK\x05\x06"[..], EncodingError::Workbook),
        (
            &b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"[..],
            EncodingError::OldWorkbook,
        ),
        (&b"%PDF-"[..], EncodingError::Pdf),
    ] {
        if bytes.starts_with(magic) {
            return Err(error);
        }
    }
    for encoding in [
        SheetEncoding::Utf8,
        SheetEncoding::Utf16Le,
        SheetEncoding::Utf16Be,
    ] {
        if let Some(rest) = bytes.strip_prefix(encoding.mark()) {
            return decode_as(encoding, rest)
                .map(|text| finished(bytes, text, encoding, true))
                .map_err(|read| undecodable(bytes, encoding.mark().len() + read));
        }
    }
    if let Some(offset) = bytes.iter().position(|byte| *byte == 0) {
        return Err(EncodingError::Binary { offset });
    }
    let utf8 = match decode_as(SheetEncoding::Utf8, bytes) {
        Ok(text) => return Ok(finished(bytes, text, SheetEncoding::Utf8, false)),
        Err(read) => read,
    };
    let shift_jis = decode_as(SheetEncoding::ShiftJis, bytes);
    // Most EUC-JP is also valid Shift_JIS, read as half-width katakana, so the words that every
    // sheet has decide.
    let is_sheet = |text: &str| text.contains("目標値") || text.contains("実績値");
    if !shift_jis.as_deref().is_ok_and(is_sheet)
        && let Ok(text) = decode_as(SheetEncoding::EucJp, bytes)
        && is_sheet(&text)
    {
        return Ok(finished(bytes, text, SheetEncoding::EucJp, false));
    }
    // A UTF-8 sheet with a damaged byte often passes as Shift_JIS gibberish.
    let is_damaged_utf8 = str::from_utf8(&bytes[..utf8]).is_ok_and(is_sheet)
        && !shift_jis.as_deref().is_ok_and(is_sheet);
    if is_damaged_utf8 {
        return Err(undecodable(bytes, utf8));
    }
    match shift_jis {
        Ok(text) => Ok(finished(bytes, text, SheetEncoding::ShiftJis, false)),
        Err(read) => Err(undecodable(bytes, read.max(utf8))),
    }
}

fn undecodable(bytes: &[u8], offset: usize) -> EncodingError {
    let before = &bytes[..offset.min(bytes.len())];
    EncodingError::Undecodable {
        offset,
        line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
    }
}

/// The text, or how many bytes could be read before the first malformed one.
fn decode_as(encoding: SheetEncoding, bytes: &[u8]) -> Result<String, usize> {
    let mut decoder = encoding.codec().new_decoder_without_bom_handling();
    let room = decoder
        .max_utf8_buffer_length_without_replacement(bytes.len())
        .unwrap_or(bytes.len());
    let mut text = String::with_capacity(room);
    let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
    match result {
        encoding_rs::DecoderResult::InputEmpty => Ok(text),
        encoding_rs::DecoderResult::Malformed(length, after) => {
            Err(read.saturating_sub(usize::from(length) + usize::from(after)))
        }
        encoding_rs::DecoderResult::OutputFull => Err(read),
    }
}

fn finished(bytes: &[u8], text: String, encoding: SheetEncoding, mark: bool) -> Decoded {
    let is_exact = encode(&text, encoding, mark).is_ok_and(|again| again == bytes);
    Decoded {
        text,
        encoding,
        byte_order_mark: mark,
        is_exact,
    }
}

/// Characters that the encoding of an export cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} cannot hold '{character}' (U+{:04X}), which stands in line {line}; replace the character or export as UTF-8",
    encoding.name(),
    u32::from(*character)
)]
pub struct Unencodable {
    /// The encoding that was asked for.
    pub encoding: SheetEncoding,
    /// The first character that it cannot hold.
    pub character: char,
    /// The line of the export, counted from 1.
    pub line: usize,
}

impl Unencodable {
    /// The same in Japanese, for pages.
    pub fn ja(&self) -> String {
        format!(
            "{}行目の「{}」(U+{:04X})は{}で表せません。文字を置き換えるか、UTF-8で出力してください。",
            self.line,
            self.character,
            u32::from(self.character),
            self.encoding.name()
        )
    }
}

/// Characters that Windows-31J writes with another code point of the same look. The em dash is
/// the one that matters: every sheet has hundreds (DOMAIN S17).
const WINDOWS_31J_TWINS: [(char, char); 6] = [
    ('\u{2014}', '\u{2015}'),
    ('\u{301C}', '\u{FF5E}'),
    ('\u{2016}', '\u{2225}'),
    ('\u{00A2}', '\u{FFE0}'),
    ('\u{00A3}', '\u{FFE1}'),
    ('\u{00AC}', '\u{FFE2}'),
];

/// Encodes `text`, with a byte order mark where `mark` asks for one.
///
/// # Errors
/// Where the encoding cannot hold a character, even by its twin of the same look.
pub fn encode(text: &str, encoding: SheetEncoding, mark: bool) -> Result<Vec<u8>, Unencodable> {
    let mut bytes = if mark {
        encoding.mark().to_vec()
    } else {
        Vec::new()
    };
    match encoding {
        SheetEncoding::Utf8 => bytes.extend_from_slice(text.as_bytes()),
        SheetEncoding::Utf16Le => {
            bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        }
        SheetEncoding::Utf16Be => {
            bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        }
        SheetEncoding::ShiftJis | SheetEncoding::EucJp => {
            let twin = |character: char| {
                WINDOWS_31J_TWINS
                    .into_iter()
                    .find(|(unicode, _)| *unicode == character)
                    .map_or(character, |(_, windows)| windows)
            };
            let mapped: String = text.chars().map(twin).collect();
            let (encoded, _, had_unmappable) = encoding.codec().encode(&mapped);
            if had_unmappable {
                return Err(first_unencodable(&mapped, encoding));
            }
            bytes.extend_from_slice(&encoded);
        }
    }
    Ok(bytes)
}

fn first_unencodable(text: &str, encoding: SheetEncoding) -> Unencodable {
    let mut line = 1;
    let mut buffer = [0; 4];
    for character in text.chars() {
        if encoding
            .codec()
            .encode(character.encode_utf8(&mut buffer))
            .2
        {
            return Unencodable {
                encoding,
                character,
                line,
            };
        }
        if character == '\n' {
            line += 1;
        }
    }
    Unencodable {
        encoding,
        character: char::REPLACEMENT_CHARACTER,
        line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "基本目標1 しごと\r\n目標値\t―\t①㈱～△\r\n";

    #[test]
    fn every_encoding_is_recognised_and_written_back_byte_for_byte() {
        for (encoding, mark) in [
            (SheetEncoding::Utf8, false),
            (SheetEncoding::Utf8, true),
            (SheetEncoding::ShiftJis, false),
            (SheetEncoding::Utf16Le, true),
            (SheetEncoding::Utf16Be, true),
        ] {
            let bytes = encode(TEXT, encoding, mark).unwrap();
            let decoded = decode(&bytes).unwrap();
            assert_eq!(
                (
                    decoded.text.as_str(),
                    decoded.encoding,
                    decoded.byte_order_mark,
                    decoded.is_exact
                ),
                (TEXT, encoding, mark, true)
            );
            assert_eq!(
                SheetEncoding::from_name(encoding.name()),
                Some(encoding),
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn euc_jp_is_recognised_by_the_words_of_a_sheet() {
        let text = "事業\t目標値\t10\n\t実績値\t9\n";
        let bytes = encode(text, SheetEncoding::EucJp, false).unwrap();
        let decoded = decode(&bytes).unwrap();
        assert_eq!(
            (decoded.text.as_str(), decoded.encoding),
            (text, SheetEncoding::EucJp)
        );
    }

    #[test]
    fn the_em_dash_goes_into_shift_jis_as_its_twin() {
        assert_eq!(
            encode("—", SheetEncoding::ShiftJis, false).unwrap(),
            [0x81, 0x5C]
        );
        assert_eq!(decode(&[0x81, 0x5C]).unwrap().text, "―");
    }

    #[test]
    fn a_character_that_does_not_fit_is_named_with_its_line() {
        let error = encode("一行目\n二行目😀", SheetEncoding::ShiftJis, false).unwrap_err();
        assert_eq!((error.character, error.line), ('😀', 2));
        assert!(error.to_string().contains("export as UTF-8"), "{error}");
    }

    #[test]
    fn workbooks_and_other_binaries_are_refused_with_the_way_out() {
        assert_eq!(decode(b"PK\x03\x04rest"), Err(EncodingError::Workbook));
        assert!(
            EncodingError::Workbook
                .to_string()
                .contains("XLSX is not read by this version")
        );
        assert_eq!(
            decode(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"),
            Err(EncodingError::OldWorkbook)
        );
        assert_eq!(decode(b"%PDF-1.7"), Err(EncodingError::Pdf));
        assert_eq!(decode(b"ab\0c"), Err(EncodingError::Binary { offset: 2 }));
        assert_eq!(decode(b""), Err(EncodingError::Empty));
    }

    #[test]
    fn a_damaged_utf_8_sheet_is_not_taken_for_shift_jis() {
        let mut bytes = "事業\t目標値\t10\n事".repeat(3).into_bytes();
        bytes.truncate(bytes.len() - 1);
        bytes.extend_from_slice(b"\n");
        let error = decode(&bytes).unwrap_err();
        assert_eq!(
            error,
            EncodingError::Undecodable {
                offset: bytes.len() - 3,
                line: 4
            }
        );
    }

    #[test]
    fn undecodable_bytes_are_named_by_their_offset() {
        let error = decode(b"abc\ndef\xFF\xFF").unwrap_err();
        assert_eq!(error, EncodingError::Undecodable { offset: 7, line: 2 });
        assert!(error.ja().contains("7バイト目"));
        let error = decode(b"\xEF\xBB\xBFabc\xFF").unwrap_err();
        assert_eq!(error, EncodingError::Undecodable { offset: 6, line: 1 });
    }
}
