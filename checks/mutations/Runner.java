import com.google.gson.Gson;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Scanner;
import java.util.spi.ToolProvider;

/**
 * Reads a line of JSON for each command, runs it as javac or junit would, and answers with a line. One JVM runs many
 * commands, since starting and warming one up takes longer than most tests. The class path has the libraries and JUnit.
 */
class Runner {

  /** {@code path} is the class path for tests that start a JVM. */
  record Command(String tool, List<String> arguments, String path) {}

  record Answer(int status, String said) {}

  public static void main(String[] none) {
    PrintStream answers = System.out;
    System.setOut(System.err);
    var gson = new Gson();
    var commands = new Scanner(System.in);
    while (commands.hasNextLine()) {
      answers.println(gson.toJson(run(gson.fromJson(commands.nextLine(), Command.class))));
    }
    // Threads that tests left behind must not keep the process.
    System.exit(0);
  }

  private static Answer run(Command command) {
    System.setProperty("java.class.path", command.path);
    var said = new StringWriter();
    var out = new PrintWriter(said, true);
    ToolProvider tool = ToolProvider.findFirst(command.tool).orElseThrow();
    return new Answer(tool.run(out, out, command.arguments.toArray(String[]::new)), said.toString());
  }
}
