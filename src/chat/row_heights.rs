//! Heights of all rows of a list of which only a few are drawn.
//!
//! A row that was never drawn has an estimated height. Sums are kept in a Fenwick tree, so
//! that a list of 100,000 rows finds the row at a pixel, or changes a height, in 17 steps. Heights are in
//! 64ths of a pixel, the unit of browser layout, so that sums do not drift.

/// 64ths of a pixel.
pub type SubPixels = i64;

/// Heights of the rows of a list.
#[derive(Debug, Clone)]
pub struct RowHeights {
    heights: Vec<u32>,
    /// `sums[i]` holds the heights of the `lowest_bit(i)` rows before row `i`.
    sums: Vec<SubPixels>,
    guess: u32,
    front: usize,
}

impl RowHeights {
    /// No rows yet; `guess` is the estimated height of a row.
    #[must_use]
    pub fn new(guess: u32) -> Self {
        Self {
            heights: Vec::new(),
            sums: vec![0],
            guess,
            front: 0,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heights.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heights.is_empty()
    }

    /// Follows the list: `front` rows were put in front since the start, and `len` are there now.
    pub fn follow(&mut self, front: usize, len: usize) {
        if front > self.front {
            let added = (front - self.front).min(len);
            let old = std::mem::replace(&mut self.heights, vec![self.guess; added]);
            self.heights.extend(old);
        }
        let rebuild = front != self.front || len < self.heights.len();
        self.front = front;
        if rebuild {
            self.heights.truncate(len);
            self.rebuild();
        }
        while self.heights.len() < len {
            self.push(self.guess);
        }
    }

    /// Sets the height of a row; returns whether it changed.
    pub fn set(&mut self, row: usize, height: u32) -> bool {
        let Some(old) = self.heights.get_mut(row) else {
            return false;
        };
        let difference = SubPixels::from(height) - SubPixels::from(*old);
        if difference == 0 {
            return false;
        }
        *old = height;
        let mut at = row + 1;
        while let Some(sum) = self.sums.get_mut(at) {
            *sum += difference;
            at += lowest_bit(at);
        }
        true
    }

    /// Where a row begins; past the last one, where the list ends.
    #[must_use]
    pub fn offset(&self, row: usize) -> SubPixels {
        let mut at = row.min(self.heights.len());
        let mut total = 0;
        while at > 0 {
            total += self.sums.get(at).copied().unwrap_or(0);
            at -= lowest_bit(at);
        }
        total
    }

    /// Height of the whole list.
    #[must_use]
    pub fn total(&self) -> SubPixels {
        self.offset(self.heights.len())
    }

    /// Row at an offset; the last row for offsets below the end.
    #[must_use]
    pub fn row_at(&self, offset: SubPixels) -> usize {
        let mut step = self.heights.len().next_power_of_two();
        let mut at = 0;
        let mut left = offset;
        while step > 0 {
            let next = at + step;
            if let Some(sum) = self.sums.get(next).filter(|sum| **sum <= left) {
                left -= sum;
                at = next;
            }
            step /= 2;
        }
        at.min(self.heights.len().saturating_sub(1))
    }

    fn push(&mut self, height: u32) {
        self.heights.push(height);
        let row = self.heights.len();
        let from = row - lowest_bit(row);
        let before = self.offset(row - 1) - self.offset(from);
        self.sums.push(before + SubPixels::from(height));
    }

    fn rebuild(&mut self) {
        let heights = std::mem::take(&mut self.heights);
        self.sums.truncate(1);
        for height in heights {
            self.push(height);
        }
    }
}

fn lowest_bit(number: usize) -> usize {
    number & number.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offset_is_sum_of_heights_before() {
        let mut heights = RowHeights::new(10);
        heights.follow(0, 1000);
        for row in (0..1000).step_by(7) {
            let height = 10 + u32::try_from(row).expect("small");
            assert_eq!(heights.set(row, height), row > 0);
            assert!(!heights.set(row, height), "nothing new");
        }
        let mut sum = 0;
        for row in 0..1000 {
            assert_eq!(heights.offset(row), sum);
            assert_eq!(heights.row_at(sum), row);
            sum += if row % 7 == 0 {
                10 + SubPixels::try_from(row).expect("small")
            } else {
                10
            };
            assert_eq!(heights.row_at(sum - 1), row);
        }
        assert_eq!(heights.total(), sum);
        assert_eq!(heights.row_at(sum + 5), 999);
    }

    #[test]
    fn measured_heights_after_prepend_move_along() {
        let mut heights = RowHeights::new(10);
        heights.follow(0, 3);
        heights.set(0, 50);
        heights.follow(2, 6);
        assert_eq!(heights.offset(3) - heights.offset(2), 50);
        assert_eq!(heights.total(), 100);
        heights.follow(2, 3);
        assert_eq!(heights.total(), 70);
    }

    #[test]
    fn row_heights_empty_have_total_zero() {
        let heights = RowHeights::new(10);
        assert!(heights.is_empty());
        assert_eq!((heights.total(), heights.row_at(5), heights.offset(9)), (0, 0, 0));
    }
}
