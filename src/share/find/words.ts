/**
 * The words of word-codes: 1,024 short, common English nouns and the like, chosen by us. No two differ by a single letter
 * added, dropped or changed, and words that sound like others are left out. Changing any changes everybody's codes.
 */
export const WORDS: readonly string[] = `
abbey acorn actor adult alarm album alley almond alphabet amber anchor angel animal ankle answer antenna
apple apricot apron aquarium arch arena armchair armor arrow artist ash asphalt athlete atlas atom attic
aunt autumn avenue avocado azure baby bacon badge bagel bakery balcony ballet balloon bamboo banana bandage
banjo banner barber barley barn barrel basement basil basket bassoon bathtub battery beagle beaver bedroom
beetle bell bench bicycle binder birch biscuit bison blanket blazer blender blossom blouse boat bonfire
bonnet bookcase border bottle boulder bouquet bowl boxer bracelet brain bramble branch bread breeze brick
bride brisket broccoli bronze broom brother brush bubble bucket buckle buffalo bugle bulldog bumper bundle
bungalow bunker burger burrow butcher butler button buzzard cabbage cabin cable caboose cactus cafe calendar
camel camera campfire camping canal canary candle candy canoe canopy canvas canyon captain caption caramel
caravan cardigan cargo carnival carpet carrot cartoon cashew castle catalog cauldron cavern ceiling celery
cellar cello cement cereal chain chalk champion charcoal chariot charter cheddar cheerful cheese cheetah
chemist cherry chess chestnut chicken chimney chipmunk chisel chorus cider cinema cinnamon circle circus
citizen citrus city clam clarinet clerk cliff clinic cloak closet cloud clover clown coach coal coast cobra
cobweb cockpit coconut coffee coin college comet comma compass compost computer concert condor cone cookie
copilot copper cork corner cosmos cottage cotton cougar country court cousin cowbell cowboy coyote crab
cracker cradle crane crater crayon cream creek cricket crimson crochet crow cruiser crumb crystal cube
cuckoo cucumber cupboard cupcake curling curry curtain cushion custard cyclone cymbal cypress daffodil dairy
dancer daughter dawn daybreak delta denim dentist desk diamond diary dice diesel diner dinosaur diploma
disco dish ditch doctor dog doll dolphin dome domino donkey door dragon dragster drawer dress drill driver
drizzle drum duchess duck duckling dune dungeon dust earring easel echo eclipse editor eel egg eggplant
elastic elbow elephant elevator elk embassy emerald emperor empire engine engineer envelope eraser essay
estate evening exit explorer fabric factory falafel falcon family farmer father faucet fence fern ferry
festival festive fiddle field fig finger firefly fishbowl flag flame flamingo flannel flapjack flea fleece
flipper flood florist flute foam folder football footstep forest fortress fossil fountain fox fragile
freckle freezer fridge friend frog frost fruit fudge fungus funnel furnace galactic galaxy gallery gallon
garage garden gargoyle garlic garment garnet gate gazelle gecko gemstone general genius geyser ghost giant
gift giraffe girl glacier glass glider glimmer globe glue goblet goblin gold goldfish gondola goose gorilla
governor grandma granite granola grape gravel gravity gravy grocer grotto guard guava guest guitar gum
gutter hairpin hallway hammer hammock hamster handbag hangar harbor hardware harmony harness harp harvest
hat hatbox hatchet hawk hazel hazelnut heart hedgehog helmet hen hermit hero hexagon hiccup highland highway
hill hinge hippo hive hockey holiday holly honey hood horizon hornet horse hospital hostel hunter hurdle
husky hyena iceberg icebox icicle icon igloo iguana inkwell insect iris island ivory ivy jacket jackpot jade
jaguar jam jamboree january jasmine javelin jazz jeans jelly jersey jetpack jewel jigsaw joker jug juggler
juice jukebox jungle juniper jury kangaroo karate kayak kennel ketchup kettle keyboard keyhole kimono king
kitchen kite kitten kiwi knapsack knuckle koala label ladder lady lagoon lake lamp lantern laptop lasagna
laser lasso laundry lava lavender lawyer leather lemon lemonade lens lentil leopard lettuce lifeboat lilac
lily lime limerick linen lion lipstick lizard llama lobster locker lollipop lookout lotus lounge lullaby
lumber lunch macaroni machine magazine magenta magician magnet magpie mailbox mammoth mandolin mango mansion
maple marathon marble market maroon marsh mascot mask mason mattress mayor meadow meatball medal melody
melon member menu merchant mercury mermaid meteor midday midnight milk mirror mobile monsoon moon moonbeam
mop mosaic mosquito moss motel moth mother motor mouse movie mud mudguard muffin mule mural museum mushroom
music muskrat nail napkin narwhal nectar needle neighbor nephew neptune nest nickel niece noodle north novel
nugget nurse nut nutmeg nylon oak oasis oatmeal oboe ocean octagon octopus office oil olive onion opal opera
orange orbit orchard orchid oregano organ ostrich otter ounce outdoor oven owner oxygen oyster package
paddle page palace palm pancake panda panel panther pantry papaya paper paprika parade parcel parent park
parsley party pasta patio patrol peach peacock peanut pebble pecan pelican pencil penguin pepper perfume pet
petal piano pickle picnic picture pie pigeon pilgrim pillow pilot pioneer piranha pirate piston pixel pizza
planet plank plate plaza plywood pocket poem polar police polo pond popcorn poppy porch postman potato
pottery poultry powder prairie prawn pretzel printer prism prune pulley pulp pumpkin puppet puzzle pyramid
python quail quarry quartz queen quiche quilt quince quiz rabbit raccoon radar radio radish raft railway
rainbow raisin rattle raven ravioli razor referee reptile resort rhino rhubarb rhythm ribbon robe robin
robot rodeo roof rooster router ruby rudder ruler safari saffron sailor salad salami salmon salsa salt
sandal sandbox satin saturn sauna sausage savanna sawdust scarf school science scooter scout scroll seafood
seagull seal seaweed secret senator sesame shadow shampoo shark sheep shelf sheriff shield ship shirt shoe
shovel shower shrimp signal silence silver siren sister skate sketch skunk sled sleeve sloth smoke snake
sneaker snow snowman soap soccer sofa soldier soprano south soybean sparrow spatula spear sphinx spice
spider spinach spindle spiral sponge spoon sprout spruce squash squid stable stadium stairs stamp star
station statue steam stencil stereo stomach stone stool stork street string student studio subway sugar
summer summit sunday sundial sunset surfer surgeon swan sweater swing symbol syrup tablet taco tadpole tank
target taxi teacher teacup teapot temple tennis tent termite theater thermos thimble thistle thread throne
thumb thunder ticket tiger tile timber tinsel tiptoe toddler toilet tomato tongue toolbox tooth tornado
toucan towel town toy tractor traffic trailer tree treetop tribe trident trolley trophy trout truck trumpet
tuba tugboat tulip tundra turban turkey turnip turtle tuxedo twig typhoon uncle unicorn uniform vacuum
vanilla vase vehicle velvet vendor vessel veteran viaduct victory video village vinegar viola violet violin
viper visitor vitamin volcano voyage vulture waffle wagon waiter walnut walrus waltz wasp watch wedding
weekend wetland wharf wheat wheel whisker window winter wolf wombat world wreath wrench wrist yacht yard
yeast yellow yodel yogurt zebra zigzag zinc zipper zodiac zoo
`
  .trim()
  .split(/\s+/);
