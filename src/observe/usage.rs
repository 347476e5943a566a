//! What agents have used: reads the transcripts that their clients' hooks name.
//!
//! A look costs one `stat` for each transcript, and reads what was added since the last look. A
//! transcript counts only where it is a regular file of our user.

use crate::files::{self, Links, aside};
use crate::model::SortedMap;
use crate::model::{ReportingClient, TokenUsage};
use crate::reports::Tally;
use std::fs::{self, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// So many bytes of a transcript are read at one look, and so many from its end where it is read
/// for the first time. A long conversation has some 10 MiB.
const MAX_READ: u64 = 16 << 20;
/// So many bytes of all transcripts of one folder are read at one look. The others wait for the
/// next look.
const MAX_READ_TOGETHER: u64 = 64 << 20;

/// What the last look has read of transcripts, by their files.
pub(super) type Transcripts = SortedMap<PathBuf, Transcript>;

/// One transcript, as far as it was read.
#[derive(Debug, Clone, Default)]
pub(super) struct Transcript {
    inode: u64,
    /// How large it was when it was read, in bytes.
    size: u64,
    /// Up to where it was read, in bytes: the end of a line.
    position: u64,
    tally: Tally,
}

/// What was used by the conversations in these files. Keeps only these in the cache.
///
/// A file that cannot be read, or whose file system does not answer, keeps its last count.
pub(super) fn usage_of(
    wanted: SortedMap<PathBuf, ReportingClient>,
    cache: &mut Transcripts,
) -> SortedMap<PathBuf, TokenUsage> {
    cache.retain(|file, _| wanted.contains_key(file));
    let mut by_folder: SortedMap<PathBuf, Vec<Wanted>> = SortedMap::new();
    for (file, client) in wanted {
        let known = cache.get(&file).cloned().unwrap_or_default();
        let wanted = Wanted {
            client,
            known,
            file: file.clone(),
        };
        by_folder.entry(folder(&file)).or_default().push(wanted);
    }
    for (folder, wanted) in by_folder {
        match aside::ask(&folder, move || read_all(wanted)) {
            Ok(read) => cache.extend(read),
            Err(late) => tracing::debug!(%late, "the transcripts cannot be read"),
        }
    }
    let told = cache
        .iter()
        .filter_map(|(file, read)| Some((file.clone(), read.tally.usage()?)));
    told.collect()
}

/// A transcript that is to be read on.
struct Wanted {
    file: PathBuf,
    client: ReportingClient,
    known: Transcript,
}

/// The folder of a client's projects, so that one thread reads all of them.
fn folder(file: &Path) -> PathBuf {
    let parent = file.parent().unwrap_or(file);
    parent.parent().unwrap_or(parent).to_owned()
}

/// Reads what was added to each. May hang.
fn read_all(wanted: Vec<Wanted>) -> Vec<(PathBuf, Transcript)> {
    let mut left = MAX_READ_TOGETHER;
    let mut read = Vec::new();
    for Wanted {
        file,
        client,
        mut known,
    } in wanted
    {
        let added = read_on(&file, client, &mut known, left);
        let bytes = added.unwrap_or_else(|fault| {
            tracing::debug!(%fault, file = %file.display(), "a transcript cannot be read");
            0
        });
        left = left.saturating_sub(bytes);
        read.push((file, known));
    }
    read
}

/// Reads at most `most` bytes that were added to one transcript. Returns how many it has read.
fn read_on(
    file: &Path,
    client: ReportingClient,
    known: &mut Transcript,
    most: u64,
) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(file)?;
    if known.is_read(&metadata) || most == 0 {
        return Ok(0);
    }
    let mut opened = files::open(file, Links::Refuse)?;
    if opened.metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    known.begin(&opened.metadata);
    let limit = MAX_READ.min(most);
    let mut bytes = Vec::new();
    opened.file.seek(SeekFrom::Start(known.position))?;
    opened.file.take(limit).read_to_end(&mut bytes)?;
    let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let whole = whole_lines(&bytes);
    known.tally.add(client, whole);
    let is_one_long_line = whole.is_empty() && read == limit;
    let used = if is_one_long_line {
        read
    } else {
        u64::try_from(whole.len()).unwrap_or(u64::MAX)
    };
    known.position = known.position.saturating_add(used);
    // A file of which more is left counts as changed at the next look.
    let is_at_end = read < limit;
    known.size = if is_at_end {
        opened.metadata.len()
    } else {
        known.position
    };
    Ok(read)
}

/// The lines up to the last line end.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    end.and_then(|end| bytes.get(..=end)).unwrap_or_default()
}

impl Transcript {
    /// Whether nothing was added since it was read.
    fn is_read(&self, metadata: &Metadata) -> bool {
        self.inode == metadata.ino() && self.size == metadata.len()
    }

    /// Begins anew with a file that is another one than before, or that was cut.
    fn begin(&mut self, metadata: &Metadata) {
        let is_same = self.inode == metadata.ino() && self.position <= metadata.len();
        if !is_same {
            *self = Self {
                inode: metadata.ino(),
                position: metadata.len().saturating_sub(MAX_READ),
                ..Self::default()
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::io::Write;

    const LINE: &str = r#"{"type":"assistant","message":{"id":"ID","usage":{"input_tokens":100,"output_tokens":7}}}"#;

    fn append(file: &Path, text: &str) {
        let mut opened = OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .unwrap();
        opened.write_all(text.as_bytes()).unwrap();
    }

    fn total(file: &Path, cache: &mut Transcripts) -> Option<u64> {
        let wanted = SortedMap::from([(file.to_owned(), ReportingClient::Claude)]);
        usage_of(wanted, cache).get(file).map(TokenUsage::total)
    }

    #[test]
    fn a_transcript_is_read_on_by_whole_lines() {
        let folder = std::env::temp_dir().join(format!("gtctl-usage-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.jsonl");
        let mut cache = Transcripts::new();
        assert_eq!(total(&file, &mut cache), None, "it is not there yet");
        append(&file, &format!("{LINE}\n{}", &LINE[..30]));
        assert_eq!(total(&file, &mut cache), Some(107));
        assert_eq!(total(&file, &mut cache), Some(107));
        let second = LINE.replace("ID", "other");
        append(&file, &format!("{}\n{second}\n", &LINE[30..]));
        assert_eq!(
            total(&file, &mut cache),
            Some(214),
            "one message counts once"
        );
        fs::write(&file, "{}\n").unwrap();
        assert_eq!(
            total(&file, &mut cache),
            None,
            "a file that was cut begins anew"
        );
        let link = folder.join("link.jsonl");
        append(&folder.join("b.jsonl"), &format!("{LINE}\n"));
        std::os::unix::fs::symlink(folder.join("b.jsonl"), &link).unwrap();
        assert_eq!(total(&link, &mut cache), None, "a link is refused");
        assert_eq!(cache.len(), 1, "what is not asked for is forgotten");
        fs::remove_dir_all(&folder).unwrap();
    }
}
