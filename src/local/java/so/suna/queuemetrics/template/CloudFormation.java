package so.suna.queuemetrics.template;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/**
 * The resources of a template, with values for its parameters. Knows of the intrinsic functions
 * those that scaling and alarms need. Immutable.
 */
final class CloudFormation {

  private static final Pattern VARIABLE = Pattern.compile("\\$\\{([A-Za-z0-9:.]+)}");

  private final Path file;
  private final Map<String, Node> declared;
  private final Map<String, Node> conditions;
  private final Map<String, Node> resources;
  private final Map<String, String> parameters;

  /** A resource by its logical ID. */
  record Resource(String id, Section properties) {}

  /** Every parameter has its default. */
  CloudFormation(Path file) {
    this.file = file;
    Map<String, Node> root;
    try (var reader = Files.newBufferedReader(file)) {
      root = entries(new Yaml(new LoaderOptions()).compose(reader));
    } catch (IOException | YAMLException e) {
      throw new IllegalArgumentException(
          "policy: %s cannot be read: %s".formatted(file, e.toString().replaceAll("\\s+", " ")), e);
    }
    conditions = root.containsKey("Conditions") ? entries(need(root, "Conditions")) : Map.of();
    resources = entries(need(root, "Resources"));
    declared = entries(need(root, "Parameters"));
    parameters = new HashMap<>();
    declared.forEach(
        (name, declaration) -> {
          Node value = entries(declaration).get("Default");
          parameters.put(name, value == null ? "" : text(value));
        });
  }

  private CloudFormation(CloudFormation source, Map<String, String> overrides) {
    file = source.file;
    declared = source.declared;
    conditions = source.conditions;
    resources = source.resources;
    parameters = new HashMap<>(source.parameters);
    parameters.putAll(overrides);
  }

  /** As {@link Template#with} says. */
  CloudFormation with(Map<String, String> overrides, boolean limits) {
    overrides.forEach(
        (name, value) -> {
          if (!declares(name)) {
            throw new IllegalArgumentException(
                "policy: %s has no parameter %s".formatted(file, name));
          }
          check(name, new Section(need(declared, name)), value, limits);
        });
    return new CloudFormation(this, overrides);
  }

  boolean declares(String parameter) {
    return declared.containsKey(parameter);
  }

  private static void check(String name, Section declaration, String value, boolean limits) {
    boolean ok;
    if (declaration.has("AllowedValues")) {
      ok = declaration.texts("AllowedValues").contains(value);
    } else if (declaration.has("AllowedPattern")) {
      ok = value.matches(declaration.text("AllowedPattern"));
    } else {
      double least = limits ? declaration.number("MinValue", Double.NEGATIVE_INFINITY) : 0;
      double most = declaration.number("MaxValue", Double.MAX_VALUE);
      try {
        double given = Double.parseDouble(value);
        ok = given >= least && given <= most;
      } catch (NumberFormatException e) {
        ok = false;
      }
    }
    if (!ok) {
      String expected =
          declaration.has("ConstraintDescription")
              ? declaration.text("ConstraintDescription")
              : "must be a number";
      throw new IllegalArgumentException(
          "policy: %s %s, was '%s'".formatted(name, expected, value));
    }
  }

  /** The properties of a resource, whether its condition holds or not. */
  Section properties(String id) {
    return new Section(need(entries(need(resources, id)), "Properties"));
  }

  /** The resources of a type whose condition holds, in the order of the file. */
  Stream<Resource> deployed(String type) {
    return resources.entrySet().stream()
        .filter(
            resource -> {
              var entries = entries(resource.getValue());
              return text(need(entries, "Type")).equals(type)
                  && (!entries.containsKey("Condition")
                      || condition(text(need(entries, "Condition"))));
            })
        .map(resource -> new Resource(resource.getKey(), properties(resource.getKey())));
  }

  /** A mapping within the template; what it says is what CloudFormation would make of it. */
  final class Section {

    private final Map<String, Node> entries;

    private Section(Node node) {
      entries = entries(node);
    }

    boolean has(String name) {
      return entries.containsKey(name);
    }

    Section section(String name) {
      return new Section(need(entries, name));
    }

    List<Section> sections(String name) {
      return items(need(entries, name)).stream().map(Section::new).toList();
    }

    String text(String name) {
      return value(need(entries, name));
    }

    /** Nothing if it is absent, or AWS::NoValue. */
    List<String> texts(String name) {
      return list(name).map(CloudFormation.this::value).toList();
    }

    double number(String name) {
      String value = text(name);
      try {
        return Double.parseDouble(value);
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "policy: %s in the template must be a number, was '%s'".formatted(name, value), e);
      }
    }

    double number(String name, double otherwise) {
      return has(name) ? number(name) : otherwise;
    }

    /** 300 s, AWS's default, if it is absent. */
    Duration seconds(String name) {
      return Duration.ofSeconds((long) number(name, 300));
    }

    /** Whether it is, or holds, {@code !Ref} of this resource. */
    boolean refersTo(String name, String id) {
      return list(name).anyMatch(node -> isReference(node, id));
    }

    boolean refersToAnyResource(String name) {
      return resources.keySet().stream().anyMatch(id -> refersTo(name, id));
    }

    private Stream<Node> list(String name) {
      Node node = entries.containsKey(name) ? chosen(need(entries, name)) : null;
      if (node == null || isReference(node, "AWS::NoValue")) {
        return Stream.empty();
      }
      return node instanceof SequenceNode ? items(node).stream() : Stream.of(node);
    }
  }

  private static boolean isTagged(Node node, String tag) {
    return node.getTag().getValue().equals(tag);
  }

  private static boolean isReference(Node node, String id) {
    return isTagged(node, "!Ref") && text(node).equals(id);
  }

  private boolean condition(String name) {
    return truth(need(conditions, name));
  }

  private boolean truth(Node node) {
    return switch (node.getTag().getValue()) {
      case "!Condition" -> condition(text(node));
      case "!Equals" -> value(items(node).get(0)).equals(value(items(node).get(1)));
      case "!Not" -> !truth(items(node).get(0));
      case "!And" -> items(node).stream().allMatch(this::truth);
      case "!Or" -> items(node).stream().anyMatch(this::truth);
      default -> throw unknown(node);
    };
  }

  private Node chosen(Node node) {
    return isTagged(node, "!If")
        ? chosen(items(node).get(condition(text(items(node).get(0))) ? 1 : 2))
        : node;
  }

  private String value(Node node) {
    return switch (node.getTag().getValue()) {
      case "!Ref" -> parameters.getOrDefault(text(node), text(node));
      case "!If" -> value(chosen(node));
      case "!GetAtt" -> text(node);
      case "!Sub" ->
          VARIABLE
              .matcher(text(node))
              .replaceAll(
                  name ->
                      Matcher.quoteReplacement(
                          parameters.getOrDefault(name.group(1), name.group(1))));
      default -> {
        if (node instanceof ScalarNode scalar && !node.getTag().getValue().startsWith("!")) {
          yield scalar.getValue();
        }
        throw unknown(node);
      }
    };
  }

  private IllegalArgumentException unknown(Node node) {
    return new IllegalArgumentException(
        "policy: %s line %d has %s, which the simulator cannot read"
            .formatted(file, node.getStartMark().getLine() + 1, node.getTag().getValue()));
  }

  private static Node need(Map<String, Node> entries, String name) {
    Node node = entries.get(name);
    if (node == null) {
      throw new IllegalArgumentException(
          "policy: expected %s beside %s in the template".formatted(name, entries.keySet()));
    }
    return node;
  }

  private static <N extends Node> N as(Class<N> type, @Nullable Node node) {
    if (!type.isInstance(node)) {
      throw new IllegalArgumentException(
          "policy: expected a %s in the template, was %s"
              .formatted(
                  type.getSimpleName().replace("Node", ""),
                  node == null ? "nothing" : "line " + (node.getStartMark().getLine() + 1)));
    }
    return type.cast(node);
  }

  private static String text(Node node) {
    return as(ScalarNode.class, node).getValue();
  }

  private static List<Node> items(Node node) {
    return as(SequenceNode.class, node).getValue();
  }

  private static Map<String, Node> entries(@Nullable Node node) {
    var entries = new LinkedHashMap<String, Node>();
    for (NodeTuple entry : as(MappingNode.class, node).getValue()) {
      entries.put(text(entry.getKeyNode()), entry.getValueNode());
    }
    return entries;
  }
}
