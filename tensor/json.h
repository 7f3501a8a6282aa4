// RapidJSON with an allocator that throws std::bad_alloc. Its own allocator returns null, which
// RapidJSON then dereferences. Private to .cpp files.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>

#include <cstdlib>
#include <new>

namespace unroll::json {

struct Allocator {
  static constexpr bool kNeedFree = true;

  void* Malloc(std::size_t size) { return size == 0 ? nullptr : checked(std::malloc(size)); }
  void* Realloc(void* block, std::size_t, std::size_t size) {
    if (size > 0) return checked(std::realloc(block, size));
    std::free(block);
    return nullptr;
  }
  static void Free(void* block) { std::free(block); }

 private:
  static void* checked(void* block) {
    if (!block) throw std::bad_alloc();
    return block;
  }
};

using Text = rapidjson::GenericStringBuffer<rapidjson::UTF8<>, Allocator>;
using Document = rapidjson::GenericDocument<rapidjson::UTF8<>,
                                            rapidjson::MemoryPoolAllocator<Allocator>, Allocator>;
using Value = Document::ValueType;

}  // namespace unroll::json
