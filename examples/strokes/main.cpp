// Handwriting as a movement: classifies drawings by the path of the pen, the same drawings as
// images read row by row, and scanned digits (MNIST) row by row or pixel by pixel.
//
// drawing.h has strokes, resampling and features; read.h reads files; hershey.h and synthetic.h
// make drawings from fonts; raster.h draws an image. drawings.h and scans.h make tasks (task.h) of
// them; classifier.h and fit.h train a model; report.h compares, picture.h draws.
#include "examples/common/command_line.h"
#include "examples/common/idx_file.h"
#include "examples/strokes/experiment.h"
#include "examples/strokes/hershey.h"

int main(int argc, char** argv) {
  strokes::Choice choice;
  choice.fonts = strokes::kFonts;
  choice.images = program::mnist("images-idx3-ubyte.gz");
  return program::run(
      argc, argv,
      {.name = "strokes",
       .description = "Classifies handwriting by the path of the pen, and as an image read row by "
                      "row.\nWithout --data the drawings are synthetic: distorted glyphs of fonts.",
       .pictures = {"strokes.svg"},
       .takes = {.data = "Drawings with classes, as pairs x, y, ..., class, as UNIPEN, or as lines "
                         "of JSON (default: synthetic ones)",
                 .test = "Other drawings, or images (--task rows), to test on",
                 .predict = "Drawings, or images in IDX format, whose classes are unknown",
                 .resume = true}},
      [&](CLI::App& app) {
        app.add_option("--task", choice.tasks,
                       "What is read: strokes, shuffled (points), shuffled_strokes, image, rows, "
                       "pixels (784 steps for MNIST: takes minutes; try --model rglru) (default: "
                       "all but pixels)")
            ->type_name("TASK...")
            ->expected(1, 6)
            ->check(CLI::IsMember(strokes::reading_names()));
        program::declare_kind(app, choice.model, {.help = "What reads the steps"});
        program::add_number(app, "--hidden", choice.hidden, 1, strokes::kMaxHidden,
                            "Size of the model (default: 48; 96 for rows, 64 for pixels)");
        program::declare_size(app, choice.size, "--model lstm");
        app.add_option("--alphabet", choice.alphabet,
                       "Synthetic drawings of: digits, lower, upper, letters or all (default: "
                       "digits)")
            ->type_name("NAME")
            ->check(CLI::IsMember({"digits", "lower", "upper", "letters", "all"}));
        program::add_number(app, "--copies", choice.copies, 1, 10000,
                            "Distorted copies of each glyph in an epoch (default: 25)");
        app.add_option("--fonts", choice.fonts,
                       "Folder of the Hershey fonts (default: /usr/share/hershey-fonts)")
            ->type_name("FOLDER");
        app.add_option("--images", choice.images,
                       "Scanned images, NAME-images-idx3..., and beside them NAME-labels-idx1... "
                       "(default: 10,000 of MNIST)")
            ->type_name("FILE");
        program::add_number(app, "--images-per-epoch", choice.per_epoch, 1, 10'000'000,
                            "Train on N random images in an epoch (default: all; 2000 for pixels)");
      },
      [&](const program::Options& o, program::Report& report) {
        o.prepare({choice.images});
        program::check_size(choice.size, o);
        if (o.load.empty()) return strokes::train_and_compare(choice, o, report);
        o.refuse(
            {"--task", "--model", "--hidden", "--parameters", "--equal-parameters", "--data",
             "--alphabet", "--copies", "--fonts", "--images", "--images-per-epoch", "--pictures"},
            "a model to be trained", "--load");
        strokes::apply_model(o, report);
      });
}
