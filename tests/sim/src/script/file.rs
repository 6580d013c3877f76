//! A script's text: blocks of commands and what they print.

/// Between the commands of a block and what they print.
const SEPARATOR: &str = "----";

/// A script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its blocks, in order.
    pub blocks: Vec<Block>,
}

/// Commands, and what they print.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// The number of its first line, from 1.
    pub first: usize,
    /// Its lines up to the separator, as they are: commands and comments.
    pub lines: Vec<String>,
    /// What the commands print.
    pub expected: String,
}

impl Script {
    /// Reads a text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut blocks = Vec::new();
        let mut block = Block::default();
        let mut printed = false;
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() {
                printed = false;
                let whole = std::mem::take(&mut block);
                blocks.extend((!whole.lines.is_empty()).then_some(whole));
            } else if line == SEPARATOR {
                printed = true;
            } else if printed {
                block.expected.push_str(line);
                block.expected.push('\n');
            } else {
                if block.lines.is_empty() {
                    block.first = index + 1;
                }
                block.lines.push(line.to_owned());
            }
        }
        blocks.extend((!block.lines.is_empty()).then_some(block));
        Self { blocks }
    }

    /// The text of the script.
    #[must_use]
    pub fn print(&self) -> String {
        self.blocks.iter().map(Block::print).collect::<Vec<_>>().join("\n")
    }

    /// What the comments say after `# NAME:`, word by word.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.blocks.iter().flat_map(|block| &block.lines);
        let said = lines.filter_map(move |line| line.strip_prefix("# ")?.strip_prefix(name)?.strip_prefix(':'));
        said.flat_map(|said| said.split([' ', ','])).filter(|word| !word.is_empty())
    }
}

impl Block {
    /// Its commands, each with the number of its line.
    pub fn commands(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.lines.iter().enumerate().map(|(index, line)| (self.first + index, line.as_str()));
        numbered.filter(|(_, line)| !line.starts_with('#'))
    }

    /// The number of the line that separates the commands from what they print.
    #[must_use]
    pub fn separator(&self) -> usize {
        self.first + self.lines.len()
    }

    fn print(&self) -> String {
        let mut text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        if !self.expected.is_empty() {
            text.push_str(SEPARATOR);
            text.push('\n');
            text.push_str(&self.expected);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# shows: one two\n\nrun 1s\nshow tasks\n----\nt1\nt2\n\n# more\nrun 2s\n----\nx\n\nrest\n";

    #[test]
    fn a_script_prints_as_it_was_read() {
        let script = Script::parse(TEXT);
        assert_eq!(script.print(), TEXT);
        assert_eq!(script.blocks.len(), 4);
        assert_eq!(script.blocks[1].expected, "t1\nt2\n");
        assert_eq!(script.blocks[1].separator(), 5);
        assert_eq!(script.blocks[2].commands().collect::<Vec<_>>(), [(10, "run 2s")]);
        assert_eq!(script.blocks[3].commands().collect::<Vec<_>>(), [(14, "rest")]);
    }

    #[test]
    fn a_header_is_read_word_by_word() {
        assert_eq!(Script::parse(TEXT).header("shows").collect::<Vec<_>>(), ["one", "two"]);
    }
}
