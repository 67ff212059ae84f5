/* SPDX-License-Identifier: Apache-2.0 */
// Gives back memory that a start needed and the work after it does not.
#pragma once

#include <cstddef>

namespace ringwall {

// Returns freed heap to the kernel, and lets go of the program's own pages: they are the file's, unchanged, and those
// that are still in use come back from the page cache. Returns how many bytes were let go of.
size_t ReleaseMemory();

}  // namespace ringwall
