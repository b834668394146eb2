// The grammar of JSON texts.

#ifndef OCTET_RUNTIME_STRUCTURED_JSON_GRAMMAR_H_
#define OCTET_RUNTIME_STRUCTURED_JSON_GRAMMAR_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/structured/grammar.h"

namespace octet {

// Adds JSON values to a grammar. Their form is bounded where it means nothing, so that an answer
// can't fill its room with it: there is no space but one, as the model likes, after "," and ":";
// numbers have up to 18 digits, or 16, a point, 16 and an exponent of 2.
class JsonGrammar {
 public:
  struct Member {
    std::string name;
    Grammar::Node value;
    bool is_required = false;
  };

  // is_compact: without the space.
  JsonGrammar(bool is_compact, Grammar& grammar);

  Grammar& grammar() { return grammar_; }

  // One character of a string. Where the set matters, it has one spelling: itself, or where JSON
  // forbids that, the shortest escape.
  Grammar::Node Character(const CodePoints& set);

  Grammar::Node Quoted(Grammar::Node characters);
  Grammar::Node String(int32_t least, int32_t most);  // characters; most: or kNoLimit
  Grammar::Node Integer();
  Grammar::Node Number();
  Grammar::Node Value();   // any
  Grammar::Node Object();  // any
  Grammar::Node Array();   // any

  // A member of an object. name: quoted.
  Grammar::Node MemberOf(Grammar::Node name, Grammar::Node value);

  // The quoted texts that are none of these.
  Grammar::Node OtherNames(std::span<const std::string> names);

  // How many parts a value has.
  struct Sizes {
    int32_t least = 0;
    int32_t most = Grammar::kNoLimit;
  };

  // An object with these members in this order, then others, which may be kNone. As others may
  // repeat a name, at most one of them counts for the least size.
  Grammar::Node ObjectOf(std::span<const Member> members, Grammar::Node other, Sizes sizes);

  // An array of some of these values, in this order.
  Grammar::Node ArrayOfSome(std::span<const Grammar::Node> values, Sizes sizes);

  // An array of `first`, in this order, then values `others`, which may be kNone. least, most: of
  // all elements; most: or kNoLimit.
  Grammar::Node ArrayOf(std::span<const Grammar::Node> first, Grammar::Node others, int32_t least,
                        int32_t most);

 private:
  struct Part {
    Grammar::Node node;
    bool is_required;
  };
  Grammar::Node Counted(std::span<const Part> parts, Grammar::Node other, Sizes sizes);
  Grammar::Node Uncounted(std::span<const Part> parts, Grammar::Node other);
  Grammar::Node NameExcept(std::span<const std::u32string> names, size_t place);
  Grammar::Node AnyCharacter();

  Grammar& grammar_;
  Grammar::Node comma_;
  Grammar::Node colon_;
  Grammar::Node any_character_ = Grammar::kNone;  // of a string, in all its spellings
  std::optional<Grammar::Node> any_value_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_JSON_GRAMMAR_H_
